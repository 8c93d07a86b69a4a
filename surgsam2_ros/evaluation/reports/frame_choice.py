# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Chooses the frames that a report shows as pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from surgsam2_ros.evaluation.records import VideoRecord
from surgsam2_ros.evaluation.scores import scored_frames

PICTURES = 12
PER_OBJECT = 3
APART = 6  # frames between two pictures of an object: neighbours look alike


@dataclass(frozen=True)
class ChosenFrame:
    """A frame to show for the sake of one object.

    Attributes:
        video, through, object_id: whose result it is.
        index: of the frame.
        badness: what it was chosen for; the largest come first.
    """

    video: str
    through: str
    object_id: int
    index: int
    badness: float


def worst_frames(
    records: Iterable[VideoRecord], skip_ends: bool = True, count: int = PICTURES
) -> list[ChosenFrame]:
    """Choose the scored frames with the smallest J, the smallest first.

    Args:
        records: of all videos; those that failed have no frames.
        skip_ends: see `scored_frames`.
        count: at most so many.
    """
    return spread(
        (
            ChosenFrame(record.video, record.through, entry.object_id, index, 1 - entry.iou[index])
            for record in records
            if record.error is None
            for entry in record.objects
            for index in scored_frames(entry, skip_ends)
        ),
        count,
    )


def spread(candidates: Iterable[ChosenFrame], count: int = PICTURES) -> list[ChosenFrame]:
    """Take the worst candidates, at most three of an object and none close to another of its own.

    Tracker and node share their objects: what went wrong in both is shown once.

    Args:
        candidates: frames to choose from.
        count: at most so many.
    """
    chosen: list[ChosenFrame] = []
    shown: Counter[tuple[str, int]] = Counter()
    ranked = sorted(candidates, key=lambda c: (-c.badness, c.video, c.object_id, c.index))
    for candidate in ranked:
        if len(chosen) == count:
            break
        owner = (candidate.video, candidate.object_id)
        near = any(
            owner == (c.video, c.object_id) and abs(c.index - candidate.index) < APART
            for c in chosen
        )
        if shown[owner] < PER_OBJECT and not near:
            shown[owner] += 1
            chosen.append(candidate)
    return chosen
