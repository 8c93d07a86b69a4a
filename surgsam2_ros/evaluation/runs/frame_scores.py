# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Scores of every object in every frame, whoever followed it: tracker, node, demo or baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from surgsam2_ros.evaluation.measures import FRAME_MEASURES, measure_frame
from surgsam2_ros.evaluation.metrics.overlap import covered, jaccard
from surgsam2_ros.evaluation.metrics.presence import TAKEN_UP
from surgsam2_ros.evaluation.records import ObjectRecord


@dataclass(frozen=True, eq=False)
class ObjectResult:
    """What was said about one object in one frame.

    Attributes:
        mask: bool [H, W].
        score: predicted IoU, 0 to 1; presence: probability of being visible, 0 to 1.
        state: name of the track state.
    """

    mask: np.ndarray
    score: float | None = None
    presence: float | None = None
    state: str | None = None


class FrameScores:
    """Collects the records of a video's objects, frame by frame and in any order.

    Attributes:
        objects: record by object id; lists are as long as the video.
    """

    def __init__(self, objects: Mapping[int, str], frames: int) -> None:
        """Begin with no results.

        Args:
            objects: object id -> name, which may be empty.
            frames: of the video.
        """
        self.objects = {
            object_id: _empty_record(object_id, name, frames)
            for object_id, name in sorted(objects.items())
        }

    def note_prompt(self, frame: int, object_id: int) -> None:
        """Note that an object was prompted or corrected in a frame."""
        record = self.objects[object_id]
        record.prompted[frame] = True
        if record.first_frame is None or frame < record.first_frame:
            record.first_frame = frame

    def add(
        self, frame: int, truth: np.ndarray | None, results: Mapping[int, ObjectResult]
    ) -> None:
        """Score a frame.

        Args:
            frame: index.
            truth: label image uint8 [H, W]; None where the frame has none.
            results: by object id; those without a result (not yet prompted, or dropped) keep None.

        Raises:
            ValueError: when a mask is not of the truth's size.
        """
        for object_id, record in self.objects.items():
            true_mask = None if truth is None else truth == object_id
            if true_mask is not None:
                record.truth_area[frame] = int(np.count_nonzero(true_mask))
            result = results.get(object_id)
            if result is None:
                continue
            record.area[frame] = int(np.count_nonzero(result.mask))
            shares = (
                covered(result.mask, other.mask)
                for key, other in results.items()
                if key != object_id
            )
            record.overlap[frame] = _rounded(max(shares, default=0.0))
            record.score[frame] = _rounded(result.score)
            record.presence[frame] = _rounded(result.presence)
            record.state[frame] = result.state
            if true_mask is not None:
                for field, value in measure_frame(result.mask, true_mask).items():
                    record.measures[field][frame] = value
                record.on_another[frame] = _on_another(result.mask, truth, object_id)

    def warnings(self) -> list[str]:
        """Tell which objects were prompted, but are in no frame of the truth, or hardly scored."""
        found = []
        for object_id, record in self.objects.items():
            scored = sum(overlap is not None for overlap in record.iou)
            if not any(record.truth_area):
                found.append(f'object {object_id} is prompted, but no frame of the truth shows it')
            elif scored <= 2:
                found.append(
                    f'object {object_id} has a truth and a result in no more than {scored} frames, '
                    'of which the first and the last do not count (--no-skip-ends counts them)'
                )
        return found

    @property
    def records(self) -> list[ObjectRecord]:
        """The records in the order of their ids."""
        return list(self.objects.values())


def _empty_record(object_id: int, name: str, frames: int) -> ObjectRecord:
    lists = ('truth_area', 'area', 'on_another', 'overlap', 'score', 'presence', 'state')
    return ObjectRecord(
        object_id,
        name,
        prompted=[False] * frames,
        measures={measure.field: [None] * frames for measure in FRAME_MEASURES},
        **{key: [None] * frames for key in lists},
    )


def _on_another(mask: np.ndarray, truth: np.ndarray, object_id: int) -> bool:
    """Tell whether a mask lies on an object of the truth other than its own."""
    others = set(map(int, np.unique(truth[mask]))) - {0, 255, object_id}
    return any(jaccard(mask, truth == other) >= TAKEN_UP for other in others)


def _rounded(value: float | None) -> float | None:
    """Six digits are more than a float32 probability is worth."""
    return None if value is None else round(float(value), 6)
