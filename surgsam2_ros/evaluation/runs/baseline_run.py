# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Takes a video through a tracker without learning, object by object from their first masks."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from surgsam2_ros.evaluation.baselines import BASELINES, Baseline
from surgsam2_ros.evaluation.records import VideoRecord
from surgsam2_ros.evaluation.runs.attempts import predictions_folder
from surgsam2_ros.evaluation.runs.frame_scores import FrameScores, ObjectResult
from surgsam2_ros.evaluation.runs.label_writer import LabelWriter
from surgsam2_ros.evaluation.runs.prompting import PromptSettings, TruthPrompt, first_prompts
from surgsam2_ros.evaluation.runs.video import EvaluationVideo
from surgsam2_ros.evaluation.runs.video_records import record_of


def run_baseline(
    video: EvaluationVideo,
    name: str,
    prompts: PromptSettings,
    output: Path,
    *,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> VideoRecord:
    """Follow the objects of a video, score it, and write its label images.

    Args:
        video: is opened, and closed at the end.
        name: of BASELINES.
        prompts: says which objects; a baseline starts from their masks, whatever the network does.
        output: folder of the run.
        on_progress: called after every frame of every object with those done and all there are.

    Raises:
        SourceError: when the video or its truth cannot be read.
        AttributeError: when this machine's OpenCV lacks the baseline.
    """
    with video:
        given = first_prompts(video, dataclasses.replace(prompts, kind='mask'))
        scores = FrameScores({key: video.names.get(key, '') for key in given}, len(video))
        writer = LabelWriter(predictions_folder(output, name), video.name, video.stems)
        total = sum(len(video) - prompt.frame for prompt in given.values())
        seconds: list[float | None] = [None] * len(video)
        followed = follow_objects(video, given, BASELINES[name], scores, seconds)
        for done, (frame, object_id, mask) in enumerate(followed, 1):
            writer.write_objects(frame, {object_id: mask})
            on_progress(done, total)
        writer.compose_all()
        record = record_of(
            video,
            name,
            scores,
            writer.folder,
            inference_ms=[None if s is None else round(s * 1e3, 3) for s in seconds],
        )
        record.warnings.clear()  # the network's record has the same
        return record


def follow_objects(
    video: EvaluationVideo,
    prompts: Mapping[int, TruthPrompt],
    follow: Baseline,
    scores: FrameScores,
    seconds: list[float | None] | None = None,
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield (frame, object id, mask bool [H, W]) of every object, one after the other, scored.

    Args:
        video: open.
        prompts: masks, by object id.
        follow: the baseline.
        scores: gets the frames.
        seconds: by frame of the video, gets the time that the baseline took for all objects;
            reading images does not count.
    """
    reading = 0.0

    def images(frames: Iterable[int]) -> Iterator[np.ndarray]:
        nonlocal reading
        for frame in frames:
            started = time.perf_counter()
            rgb = video.image(frame)
            reading += time.perf_counter() - started
            yield rgb

    for frame in range(len(video)):
        scores.add(frame, video.truth(frame), {})
    for object_id, prompt in prompts.items():
        scores.note_prompt(prompt.frame, object_id)
        frames = range(prompt.frame, len(video))
        masks = follow(images(frames), prompt.mask)
        for frame in frames:
            started = time.perf_counter() - reading
            mask = next(masks)
            if seconds is not None:
                spent = time.perf_counter() - reading - started
                seconds[frame] = (seconds[frame] or 0.0) + spent
            scores.add(frame, video.truth(frame), {object_id: ObjectResult(mask)})
            yield frame, object_id, mask
