# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Carries masks from one frame to those after it or before it, until an operator's word holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from surgsam2_ros.console.label.frame_masks import FrameMasks, ObjectMask
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.tracking import Prompt, StreamingTracker, TrackerConfig

NEIGHBOURS = 4
"""Frames behind the first one whose masks the tracker is shown, beside the last prompted one."""


class Given(NamedTuple):
    """A frame whose masks are as they should be: its index, rgb uint8 [H, W, 3] and the masks."""

    index: int
    rgb: np.ndarray
    masks: FrameMasks


@dataclass(frozen=True)
class Ahead:
    """A frame that propagation comes to.

    Attributes:
        index, rgb: as in `Given`.
        stamp_ns: grows on the way, also backwards.
        kept: ids of the objects that were corrected here; they keep the masks that they have.
    """

    index: int
    rgb: np.ndarray
    stamp_ns: int
    kept: frozenset[str] = frozenset()


def propagate(
    network: SurgSAM2,
    config: TrackerConfig,
    ids: Mapping[str, int],
    given: list[Given],
    ahead: Iterator[Ahead],
) -> Iterator[tuple[int, list[ObjectMask]]]:
    """Track objects on, in whichever direction the frames come.

    An object ends before the frame in which it was corrected; when all have ended, so does this.

    Args:
        network: with weights.
        config: of the tracker.
        ids: instance of each object by its id; others are left out.
        given: frames to go on from, in the direction of travel, the last one being where it starts.
        ahead: the frames that follow.

    Yields:
        index of a frame, and the new masks in it.
    """
    names = {instance: object_id for object_id, instance in ids.items()}
    needed = max(len(names), config.max_objects)
    tracker = StreamingTracker(network, replace(config, max_objects=needed))
    for frame in given:
        shown = [
            Prompt(names[one.instance], mask=one.crop.expand())
            for one in frame.masks.objects.values()
            if one.instance in names and one.crop.box is not None
        ]
        tracker.add_objects(shown)
        tracker.track(frame.rgb)
    for frame in ahead:
        for ended in frame.kept & {known.object_id for known in tracker.objects}:
            tracker.remove_object(ended)
        if not tracker.objects:
            return
        tracks = tracker.track(frame.rgb, frame.stamp_ns).tracks
        yield (
            frame.index,
            [ObjectMask(ids[t.object_id], t.crop, t.score, t.presence, t.state) for t in tracks],
        )


def frames_behind(
    start: int, step: int, *, has_masks: Callable[[int], bool], prompted: list[int]
) -> list[int]:
    """Choose the frames to go on from, in the direction of travel; the last one is `start`.

    Args:
        start: frame that propagation starts at.
        step: 1 forwards, -1 backwards.
        has_masks: whether a frame has masks.
        prompted: frames with prompts, in any order.
    """
    chosen = [start]
    while len(chosen) <= NEIGHBOURS and has_masks(chosen[-1] - step):
        chosen.append(chosen[-1] - step)
    behind = [index for index in prompted if (chosen[-1] - index) * step > 0 and has_masks(index)]
    if behind:
        chosen.append(min(behind, key=lambda index: abs(index - start)))
    return chosen[::-1]
