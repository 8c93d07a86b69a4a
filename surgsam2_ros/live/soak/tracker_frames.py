# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The tracker alone, without ROS: whether its live bytes stay equal over any number of frames."""

from __future__ import annotations

import dataclasses
import gc
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

SIZE = 64
"""Side of the tiny network's input [pixels]."""

_NARROW = {
    'hidden_dim': 32,
    'memory_dim': 16,
    'memory_attention_layers': 1,
    'memory_attention_feedforward': 32,
    'decoder_feedforward': 32,
    'decoder_iou_hidden': 32,
    'fuser_layers': 1,
}

SETTLED_FRAMES = 200
"""After which all memories are full, and the first bytes are counted."""

CYCLE = 50
"""Frames after which objects come and go anew."""

_BLOCKS_SPREAD = 2000
"""Blocks of the interpreter that may come and go: caches of regular expressions, frames, ints."""


class Live(NamedTuple):
    """What is alive: bytes in tensors, and blocks that the interpreter holds."""

    tensor_bytes: int
    blocks: int


def track_many(frames: int, on_frame: Callable[[int], None] = lambda number: None) -> list[Live]:
    """Track random images with a tiny network, objects coming and going.

    Args:
        frames: how many, at least SETTLED_FRAMES and two times CYCLE.
        on_frame: called after each.

    Returns:
        What was alive after SETTLED_FRAMES, in the middle and after the last whole cycle.
    """
    import numpy as np
    import torch

    from surgsam2_ros.tracking import Prompt, StreamingTracker, TrackerConfig

    torch.set_num_threads(1)  # the network is too small to share
    tracker = StreamingTracker(_tiny_network(), TrackerConfig())
    images = np.random.default_rng(0).integers(0, 256, (8, SIZE, SIZE, 3), dtype=np.uint8)
    tracker.add_objects([Prompt('lasting', box=(8, 8, 40, 40))])
    cycles = (frames - SETTLED_FRAMES) // CYCLE  # counted where the same objects are there
    counted_at = {SETTLED_FRAMES + CYCLE * number for number in (0, cycles // 2, cycles)}
    counted = []
    for number in range(1, frames + 1):
        if number % CYCLE == 10:
            tracker.add_objects([Prompt('passing', box=(20, 20, 60, 60))])
        if number % CYCLE == 40:
            tracker.remove_object('passing')
        tracker.track(images[number % len(images)])
        on_frame(number)
        if number in counted_at:
            counted.append(_count_live())
    return counted


def _tiny_network() -> Any:
    """Return a narrow network with random weights that sees its objects in every image."""
    import torch

    from surgsam2_ros.network import build_network, load_config
    from surgsam2_ros.share import share_file

    torch.manual_seed(0)
    config = load_config(share_file('models/surgsam2_nano.yaml'))
    network = build_network(dataclasses.replace(config, image_size=SIZE, **_NARROW))
    with torch.no_grad():
        network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(200.0)
    return network.requires_grad_(False).eval()


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
        # Weights that oneDNN has packed do not tell their size; there are as many all the time.
        if type(item) in (torch.Tensor, torch.nn.Parameter) and not item.is_mkldnn:
            storage = item.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    return Live(sum(storages.values()), sys.getallocatedblocks())
