# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a correction brings: bad frames of tracks are corrected by a click, a box and a mask."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch

from surgsam2_ros.evaluation.board import KINDS, Correction
from surgsam2_ros.evaluation.metrics.overlap import jaccard
from surgsam2_ros.evaluation.records import ObjectRecord
from surgsam2_ros.evaluation.runs.prompting import (
    PromptSettings,
    TruthPrompt,
    correction,
    prompt_of_mask,
)
from surgsam2_ros.evaluation.runs.video import EvaluationVideo
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.tracking import PreparedFrame, Prompt, StreamingTracker, TrackerConfig

BAD_BELOW = 0.7
LATER_FRAMES = 10


def choose_frames(
    records: Sequence[ObjectRecord], most: int, seed: int, video: str
) -> dict[int, list[int]]:
    """Choose what is corrected: object-frames with an IoU below 0.7 whose object is visible.

    Where there are more than `most`, they are taken in their order in so many runs of equal length,
    and one is drawn from each, the same for the same seed and name of the video.

    Returns:
        frame -> ids of the objects to correct in it, both rising.
    """
    if not most:
        return {}
    bad = sorted(
        (frame, record.object_id)
        for record in records
        for frame, iou in enumerate(record.iou)
        if record.first_frame is not None
        and frame > record.first_frame
        and iou is not None
        and iou < BAD_BELOW
        and record.truth_area[frame]
    )
    if len(bad) > most:
        rng = np.random.default_rng([seed, zlib.crc32(video.encode())])
        edges = [len(bad) * place // most for place in range(most + 1)]
        bad = [bad[rng.integers(first, last)] for first, last in pairwise(edges)]
    chosen: dict[int, list[int]] = {}
    for frame, object_id in bad:
        chosen.setdefault(frame, []).append(object_id)
    return chosen


def correct_tracks(
    video: EvaluationVideo,
    network: SurgSAM2,
    config: TrackerConfig,
    prompts: Mapping[int, TruthPrompt],
    chosen: Mapping[int, Sequence[int]],
) -> list[Correction]:
    """Track a video again, and in the chosen frames correct copies of the tracker.

    A copy follows the corrected object alone, which has no effect on it. Given with a frame, a
    prompt does what it does when it comes later by `frame_index`: the object is tracked into that
    frame and corrected there.

    Args:
        video: open.
        network: in evaluation mode.
        config: of the tracker.
        prompts: first prompt of each object.
        chosen: see `choose_frames`.
    """
    tracker = StreamingTracker(network, config)
    running: list[_Corrected] = []
    finished: list[_Corrected] = []
    start = min((prompt.frame for prompt in prompts.values()), default=0)
    end = min(len(video), max(chosen, default=-1) + LATER_FRAMES + 1)
    for frame in range(start, end):
        truth = video.truth(frame)
        prepared = tracker.prepare(video.image(frame))
        give(tracker, [prompt for prompt in prompts.values() if prompt.frame == frame])
        before = _copied(tracker, network) if frame in chosen else None
        masks = {int(track.object_id): track.mask for track in tracker.track(prepared).tracks}
        for corrected in running:
            corrected.follow(prepared, masks, truth)
        for object_id in chosen.get(frame, ()):
            for prompt in _corrections(masks[object_id], truth == object_id, object_id, frame):
                alone = _copied(before, network)
                for other in masks.keys() - {object_id}:
                    alone.remove_object(str(other))
                give(alone, [prompt[1]])
                running.append(
                    _Corrected(alone, object_id, frame, prompt[0]).begin(prepared, masks, truth)
                )
        finished += [corrected for corrected in running if corrected.done]
        running = [corrected for corrected in running if not corrected.done]
    return [corrected.result() for corrected in finished + running]


def give(tracker: StreamingTracker, prompts: Sequence[TruthPrompt]) -> None:
    """Give prompts for the next frame."""
    if prompts:
        tracker.add_objects(
            [
                Prompt(str(p.object_id), points=p.points, labels=p.labels, box=p.box, mask=p.mask)
                for p in prompts
            ]
        )


@dataclass(eq=False)
class _Corrected:
    """A copy of a tracker, corrected in one frame, that goes on beside the tracker itself."""

    tracker: StreamingTracker
    object_id: int
    frame: int
    kind: str
    before: float = 0.0
    after: float = 0.0
    passed: int = 0
    without: list[float] = field(default_factory=list)
    later: list[float] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return self.passed >= LATER_FRAMES

    def begin(
        self, frame: PreparedFrame, masks: Mapping[int, np.ndarray], truth: np.ndarray
    ) -> _Corrected:
        self.before, self.after = self._overlaps(frame, masks, truth)
        return self

    def follow(
        self, frame: PreparedFrame, masks: Mapping[int, np.ndarray], truth: np.ndarray | None
    ) -> None:
        self.passed += 1
        if truth is None:
            self.tracker.track(frame)
            return
        without, later = self._overlaps(frame, masks, truth)
        self.without.append(without)
        self.later.append(later)

    def result(self) -> Correction:
        return Correction(
            self.object_id,
            self.frame,
            self.kind,
            self.before,
            self.after,
            float(np.mean(self.without)) if self.without else None,
            float(np.mean(self.later)) if self.later else None,
        )

    def _overlaps(
        self, frame: PreparedFrame, masks: Mapping[int, np.ndarray], truth: np.ndarray
    ) -> tuple[float, float]:
        true_mask = truth == self.object_id
        (track,) = self.tracker.track(frame).tracks
        return jaccard(masks[self.object_id], true_mask), jaccard(track.mask, true_mask)


def _corrections(
    predicted: np.ndarray, truth: np.ndarray, object_id: int, frame: int
) -> list[tuple[str, TruthPrompt]]:
    """Return a correction of every kind."""
    found = []
    for kind in KINDS:
        if kind == 'click':
            prompt = correction(predicted, truth, object_id, frame)
        else:
            prompt = prompt_of_mask(truth, object_id, frame, '', PromptSettings(kind))
        found.append((kind, prompt))
    return found


@torch.inference_mode()
def _copied(tracker: StreamingTracker, network: SurgSAM2) -> StreamingTracker:
    """Copy a tracker with all that it remembers; the network is shared."""
    return copy.deepcopy(tracker, {id(network): network})
