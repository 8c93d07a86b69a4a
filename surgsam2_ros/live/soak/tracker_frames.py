# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The tracker alone, without ROS: whether its live bytes stay equal over any number of frames."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import NamedTuple

SIZE = 64
"""Side of the tiny network's input [pixels]."""

SETTLED_FRAMES = 200
"""After which all memories are full, and the first bytes are counted."""

_BLOCKS_SPREAD = 2000
"""Blocks of the interpreter that may come and go: caches of regular expressions, frames, ints."""


class Live(NamedTuple):
    """What is alive: bytes in tensors, and blocks that the interpreter holds."""

    tensor_bytes: int
    blocks: int


def track_many(frames: int, on_frame: Callable[[int], None] = lambda number: None) -> list[Live]:
    """Track random images with a tiny network, objects coming and going.

    Args:
        frames: how many, more than SETTLED_FRAMES.
        on_frame: called after each.

    Returns:
        What was alive after SETTLED_FRAMES, in the middle and at the end.
    """
    import numpy as np
    import torch

    from surgsam2_ros.benchmarks.cases import Case, network_of
    from surgsam2_ros.share import share_file
    from surgsam2_ros.tracking import Prompt, StreamingTracker, TrackerConfig

    case = Case(share_file('models/surgsam2_nano.yaml'), SIZE, 1)
    network, _ = network_of(case, torch.device('cpu'))
    tracker = StreamingTracker(network, TrackerConfig())
    images = np.random.default_rng(0).integers(0, 256, (8, SIZE, SIZE, 3), dtype=np.uint8)
    tracker.add_objects([Prompt('lasting', box=(8, 8, 40, 40))])
    counted_at = {SETTLED_FRAMES, (SETTLED_FRAMES + frames) // 2, frames}
    counted = []
    for number in range(1, frames + 1):
        if number % 50 == 10:
            tracker.add_objects([Prompt('passing', box=(20, 20, 60, 60))])
        if number % 50 == 40:
            tracker.remove_object('passing')
        tracker.track(images[number % len(images)])
        on_frame(number)
        if number in counted_at:
            counted.append(_count_live())
    return counted


def is_equal(counted: list[Live]) -> bool:
    """Whether as much was alive at all times: tensors exactly, the interpreter's blocks nearly."""
    first = counted[0]
    return all(
        live.tensor_bytes == first.tensor_bytes and live.blocks - first.blocks <= _BLOCKS_SPREAD
        for live in counted
    )


def _count_live() -> Live:
    import torch

    gc.collect()
    storages = {}
    for item in gc.get_objects():
        if type(item) in (torch.Tensor, torch.nn.Parameter):
            storage = item.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    return Live(sum(storages.values()), sys.getallocatedblocks())
