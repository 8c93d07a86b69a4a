# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Takes the videos of boards through the tracker from every kind of prompt, and through baselines.

An image is encoded once for all kinds of prompts.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace

from surgsam2_ros.evaluation.baselines import Baseline, available_baselines
from surgsam2_ros.evaluation.board import KINDS, VideoMeasurement
from surgsam2_ros.evaluation.runs.baseline_run import follow_objects
from surgsam2_ros.evaluation.runs.corrections import choose_frames, correct_tracks, give
from surgsam2_ros.evaluation.runs.frame_scores import FrameScores, ObjectResult
from surgsam2_ros.evaluation.runs.jobs import end_with_parent, load_once
from surgsam2_ros.evaluation.runs.prompting import PromptSettings, TruthPrompt, first_prompts
from surgsam2_ros.evaluation.runs.settings import NetworkChoice, RunSettings
from surgsam2_ros.evaluation.runs.video import EvaluationVideo
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.tracking import StreamingTracker, TrackerConfig


@dataclass(frozen=True, eq=False)
class BoardJob:
    """One video to measure; it can be sent to another process.

    Attributes:
        board: name.
        video: not opened.
        network: None where the baselines are measured instead.
        tracker: settings.
        corrections: most object-frames that are corrected; 0: none.
        seed: of their choice.
    """

    board: str
    video: EvaluationVideo
    network: NetworkChoice | None
    tracker: TrackerConfig
    corrections: int = 0
    seed: int = 0


def board_jobs(
    boards: Mapping[str, Sequence[EvaluationVideo]],
    network: NetworkChoice,
    tracker: TrackerConfig,
    *,
    corrections: int = 0,
    seed: int = 0,
    baselines: bool = False,
) -> list[BoardJob]:
    """Return a job per video, and another one for its baselines where these are wanted.

    Args:
        boards: videos by the name of their board, not opened.
        network, tracker, corrections, seed: see `BoardJob`.
        baselines: whether they are measured as well.
    """
    jobs = []
    for name, videos in boards.items():
        for video in videos:
            job = BoardJob(name, video, network, tracker, corrections, seed)
            jobs += [job, replace(job, network=None)] if baselines else [job]
    return jobs


def measure_video(
    video: EvaluationVideo,
    network: SurgSAM2,
    config: TrackerConfig,
    *,
    corrections: int = 0,
    seed: int = 0,
) -> VideoMeasurement:
    """Follow the objects of a video from masks, boxes and clicks.

    Args:
        video: is opened, and closed at the end.
        network: in evaluation mode.
        config: of the tracker; more objects than it allows are tracked nevertheless.
        corrections: most object-frames of the tracks from masks that are corrected.
        seed: of their choice.

    Raises:
        SourceError: when the video or its truth cannot be read.
    """
    with video:
        prompts = {kind: first_prompts(video, PromptSettings(kind)) for kind in KINDS}
        config = RunSettings(tracker=config).tracker_for(len(prompts['mask']))
        tracks = _follow(video, network, config, prompts)
        chosen = choose_frames(tracks['mask'].records, corrections, seed, video.name)
        found = correct_tracks(video, network, config, prompts['mask'], chosen) if chosen else []
        records = {kind: scores.records for kind, scores in tracks.items()}
        return VideoMeasurement(video.name, records, found, size=video.size)


def measure_baselines(
    video: EvaluationVideo, baselines: Mapping[str, Baseline] | None = None
) -> VideoMeasurement:
    """Let trackers without learning follow the objects of a video from their first masks.

    Args:
        video: is opened, and closed at the end.
        baselines: by name; all that this machine has when None.
    """
    with video:
        prompts = first_prompts(video, PromptSettings('mask'))
        found = {}
        for name, follow in (available_baselines() if baselines is None else baselines).items():
            scores = FrameScores(dict.fromkeys(prompts, ''), len(video))
            for _ in follow_objects(video, prompts, follow, scores):
                pass
            found[name] = scores.records
        return VideoMeasurement(video.name, {}, baselines=found, size=video.size)


def measure(
    jobs: Sequence[BoardJob],
    processes: int,
    *,
    on_finished: Callable[[int, BoardJob], None] = lambda done, job: None,
) -> dict[str, list[VideoMeasurement]]:
    """Measure videos, some of them at once; the figures do not depend on how many.

    Args:
        jobs: at most one with a network and one without per video.
        processes: how many at once; one runs in this process.
        on_finished: called with the number of finished jobs and the newest.

    Returns:
        By board, in the order of the jobs; the baselines of a video are in its measurement.

    Raises:
        SourceError: when a video cannot be read.
    """
    found: dict[int, VideoMeasurement] = {}
    if processes <= 1 or len(jobs) <= 1:
        for index, job in enumerate(jobs):
            found[index] = run_board_job(job)
            on_finished(len(found), job)
    else:
        context = multiprocessing.get_context('spawn')  # torch does not survive a fork
        with ProcessPoolExecutor(
            processes, mp_context=context, initializer=end_with_parent
        ) as pool:
            running = {pool.submit(run_board_job, job): i for i, job in enumerate(jobs)}
            try:
                for future in as_completed(running):
                    found[running[future]] = future.result()
                    on_finished(len(found), jobs[running[future]])
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for child in multiprocessing.active_children():
                    child.terminate()  # a video takes long
                raise
    return _by_board(jobs, [found[index] for index in range(len(jobs))])


def run_board_job(job: BoardJob) -> VideoMeasurement:
    """Measure one video, or its baselines."""
    if job.network is None:
        return measure_baselines(job.video)
    network = load_once(job.network)
    return measure_video(
        job.video, network, job.tracker, corrections=job.corrections, seed=job.seed
    )


def _by_board(
    jobs: Sequence[BoardJob], measurements: Sequence[VideoMeasurement]
) -> dict[str, list[VideoMeasurement]]:
    boards: dict[str, dict[str, VideoMeasurement]] = {}
    for job, measured in zip(jobs, measurements, strict=True):
        videos = boards.setdefault(job.board, {})
        known = videos.get(measured.video)
        if known is not None:
            tracked, other = (known, measured) if known.tracks else (measured, known)
            measured = replace(tracked, baselines=other.baselines)
        videos[measured.video] = measured
    return {board: list(videos.values()) for board, videos in boards.items()}


def _follow(
    video: EvaluationVideo,
    network: SurgSAM2,
    config: TrackerConfig,
    prompts: dict[str, dict[int, TruthPrompt]],
) -> dict[str, FrameScores]:
    """Take the images once through a tracker for every kind of prompt."""
    trackers = {kind: StreamingTracker(network, config) for kind in prompts}
    objects = prompts['mask']
    scores = {kind: FrameScores(dict.fromkeys(objects, ''), len(video)) for kind in prompts}
    start = min(prompt.frame for prompt in objects.values())
    for frame in range(start, len(video)):
        truth = video.truth(frame)
        prepared = trackers['mask'].prepare(video.image(frame))
        for kind, tracker in trackers.items():
            given = [prompt for prompt in prompts[kind].values() if prompt.frame == frame]
            give(tracker, given)
            for prompt in given:
                scores[kind].note_prompt(frame, prompt.object_id)
            result = tracker.track(prepared)
            scores[kind].add(
                frame,
                truth,
                {
                    int(t.object_id): ObjectResult(t.mask, t.score, t.presence, t.state.name)
                    for t in result.tracks
                },
            )
    return scores
