# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Takes a video through the tracker: every frame, with the same result to the bit every time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from surgsam2_ros.evaluation.records import VideoRecord
from surgsam2_ros.evaluation.runs.discovery_run import find_in_video
from surgsam2_ros.evaluation.runs.frame_scores import FrameScores, ObjectResult
from surgsam2_ros.evaluation.runs.label_writer import LabelWriter
from surgsam2_ros.evaluation.runs.prompting import (
    TruthPrompt,
    correction,
    first_prompts,
    is_correction_due,
)
from surgsam2_ros.evaluation.runs.settings import RunSettings
from surgsam2_ros.evaluation.runs.video import EvaluationVideo
from surgsam2_ros.evaluation.runs.video_records import record_of
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.tracking import FrameResult, Prompt, StreamingTracker


def run_video(
    video: EvaluationVideo,
    network: SurgSAM2,
    settings: RunSettings,
    output: Path,
    *,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> VideoRecord:
    """Track a video, score it, and write its label images.

    A correction is made after a look at a frame's result, which is scored as it was before: the
    click conditions that frame, and counts from the next one on. Where objects are to be found they
    are scored at the end of the video, since no track says whose it is.

    Args:
        video: is opened, and closed at the end.
        network: in evaluation mode.
        settings: prompts and tracker.
        output: folder of the run.
        on_progress: called after every frame with the frames done and all there are; tracked one
            at a time, each object passes through them anew.

    Returns:
        The record, which is not written yet.

    Raises:
        SourceError: when the video or its truth cannot be read.
    """
    with video:
        if settings.discovery is not None:
            return find_in_video(video, network, settings, output, on_progress)
        return _VideoRun(video, network, settings, output, on_progress).run()


class _VideoRun:
    """One video on its way through the tracker."""

    def __init__(
        self,
        video: EvaluationVideo,
        network: SurgSAM2,
        settings: RunSettings,
        output: Path,
        on_progress: Callable[[int, int], None],
    ) -> None:
        self.video, self.settings, self.on_progress = video, settings, on_progress
        self.prompts = first_prompts(video, settings.prompts)
        names = {object_id: video.names.get(object_id, '') for object_id in self.prompts}
        self.scores = FrameScores(names, len(video))
        self.writer = LabelWriter(output, video.name, video.stems)
        self.seconds: list[float | None] = [None] * len(video)
        self.tracker = StreamingTracker(network, settings.tracker_for(len(self.prompts)))
        ids = list(self.prompts)
        self.groups = [ids] if settings.jointly else [[object_id] for object_id in ids]
        self.done = 0
        self.total = sum(len(video) - self._start(group) for group in self.groups)

    def run(self) -> VideoRecord:
        for group in self.groups:
            self._track(group)
        if not self.settings.jointly:
            self.writer.compose_all()
        return record_of(
            self.video,
            'tracker',
            self.scores,
            self.writer.folder,
            inference_ms=[None if s is None else round(s * 1e3, 3) for s in self.seconds],
        )

    def _start(self, group: Sequence[int]) -> int:
        return min(self.prompts[object_id].frame for object_id in group)

    def _track(self, group: Sequence[int]) -> None:
        """Track some objects from the first frame that one of them is prompted in."""
        self.tracker.reset()
        start = self._start(group)
        last = len(self.video) - 1
        for frame in range(len(self.video)):
            truth = self.video.truth(frame)
            if frame < start:
                self.scores.add(frame, truth, {})
                continue
            given = [self.prompts[i] for i in group if self.prompts[i].frame == frame]
            self._prompt(given)
            results = self._step(frame)
            self.scores.add(frame, truth, results)
            masks = {object_id: result.mask for object_id, result in results.items()}
            if self.settings.jointly:
                self.writer.write(frame, masks)
            else:
                self.writer.write_objects(frame, masks)
            if truth is not None and frame < last:
                self._correct(frame, truth, results)
            self.done += 1
            self.on_progress(self.done, self.total)

    def _prompt(self, given: Sequence[TruthPrompt], frame: int | None = None) -> None:
        if not given:
            return
        self.tracker.add_objects(
            [
                Prompt(str(p.object_id), points=p.points, labels=p.labels, box=p.box, mask=p.mask)
                for p in given
            ],
            frame_index=frame,
            image_size=self.video.size,
        )
        for prompt in given:
            self.scores.note_prompt(prompt.frame, prompt.object_id)

    def _step(self, frame: int) -> dict[int, ObjectResult]:
        rgb = self.video.image(frame)
        started = time.perf_counter()
        result = self.tracker.track(rgb)
        seconds = time.perf_counter() - started
        self.seconds[frame] = (self.seconds[frame] or 0.0) + seconds
        return _results(result)

    def _correct(self, frame: int, truth: np.ndarray, results: Mapping[int, ObjectResult]) -> None:
        clicks, settings = [], self.settings.prompts
        for object_id, result in results.items():
            if is_correction_due(frame, self.prompts[object_id].frame, settings):
                true_mask, below = truth == object_id, settings.correct_below
                click = correction(result.mask, true_mask, object_id, frame, below=below)
                clicks += [] if click is None else [click]
        self._prompt(clicks, self.tracker.frame_index - 1)


def _results(result: FrameResult) -> dict[int, ObjectResult]:
    return {
        int(track.object_id): ObjectResult(
            track.mask, track.score, track.presence, track.state.name
        )
        for track in result.tracks
    }
