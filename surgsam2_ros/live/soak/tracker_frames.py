# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The tracker alone, without ROS: whether what is alive stays the same over many frames."""

from __future__ import annotations

import dataclasses
import gc
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil

if TYPE_CHECKING:
    from surgsam2_ros.tracking import FrameResult, StreamingTracker

SIZE = 32
"""Side of the tiny network's input [pixels]."""

_TRUNK = {'expansion': 1, 'repeats': (1,) * 7}
_NARROW = {
    'hidden_dim': 32,
    'memory_dim': 16,
    'memory_attention_layers': 1,
    'memory_attention_feedforward': 32,
    'decoder_feedforward': 32,
    'decoder_iou_hidden': 32,
    'fuser_layers': 1,
}

CYCLE = 50
"""Frames after which objects come and go anew."""

SETTLED_FRAMES = 4 * CYCLE
"""After which all memories are full, and what is alive is counted for the first time."""

MARKS = 10
"""Times at which it is counted again, at most; the last after the last whole cycle."""

_OBJECTS_SPREAD = 500
"""Objects of the interpreter that may come and go: caches, frames of a call."""

RESIDENT_SPREAD_MB = 8.0
"""Resident memory may be so much above the first count: pages that the heap touches late."""

_SEEN, _ABSENT = 200.0, -200.0  # what the tiny network says of every object's presence
_LOST_AFTER_S = 0.2  # six frames
_REPLAYED = 3  # a correction names a frame this old


class Live(NamedTuple):
    """What is alive after a frame.

    Attributes:
        frame: how many were tracked by then.
        tensor_bytes: bytes of the storages of all tensors.
        objects: that the interpreter's garbage collector knows.
        blocks: of memory that the interpreter holds.
        resident_mb: memory of the process in RAM [10^6 bytes].
    """

    frame: int
    tensor_bytes: int
    objects: int
    blocks: int
    resident_mb: float


def track_many(
    frames: int, on_frame: Callable[[int, FrameResult], None] = lambda number, result: None
) -> Iterator[Live]:
    """Track random images with a tiny network; objects come, are corrected, are lost, and go.

    Args:
        frames: how many, at least SETTLED_FRAMES and two times CYCLE.
        on_frame: called after each with its number, from 1, and its result.

    Yields:
        What is alive after SETTLED_FRAMES, and then at up to MARKS times.
    """
    import numpy as np
    import torch

    from surgsam2_ros.tracking import Prompt, StreamingTracker, TrackerConfig

    torch.set_num_threads(1)  # the network is too small to share
    network = _tiny_network()
    config = TrackerConfig(
        max_prompted_frames=2, lost_after_s=_LOST_AFTER_S, replay_frames=2 * _REPLAYED
    )
    tracker = StreamingTracker(network, config)
    images = np.random.default_rng(0).integers(0, 256, (8, SIZE, SIZE, 3), dtype=np.uint8)
    tracker.add_objects([Prompt('lasting', box=(4, 4, 20, 20))])
    marks = sorted(set(_marks(frames)))
    for number in range(1, frames + 1):
        _change(tracker, network, number)
        on_frame(number, tracker.track(images[number % len(images)]))
        if number in marks:
            if number == marks[0]:
                _count_live(number)  # counting needs memory as well, which stays with the process
            yield _count_live(number)


def _marks(frames: int) -> Iterator[int]:
    """Yield the frames after which is counted: whole cycles apart, with the same objects alive."""
    cycles = (frames - SETTLED_FRAMES) // CYCLE
    for mark in range(MARKS + 1):
        yield SETTLED_FRAMES + CYCLE * (cycles * mark // MARKS)


def _change(tracker: StreamingTracker, network: Any, number: int) -> None:
    """Do what is to be done before a frame of a cycle."""
    from surgsam2_ros.tracking import Prompt

    place = number % CYCLE
    click = {'points': ((16.0, 16.0),), 'labels': (1,)}
    if place == 5:
        tracker.add_objects([Prompt('passing', box=(10, 10, 30, 30))])
    elif place == 10:
        tracker.add_objects([Prompt('passing', **click)])
    elif place == 15:  # of a frame in the past: what followed is tracked again
        older = number - 1 - _REPLAYED
        tracker.add_objects([Prompt('lasting', **click)], frame_index=older)
    elif place in (20, 35):  # out of sight for long enough to be lost, and back
        _say_of_presence(network, _ABSENT if place == 20 else _SEEN)
    elif place == 45:
        tracker.remove_object('passing')


def _tiny_network() -> Any:
    """Return a narrow network with random weights that sees its objects in every image."""
    import torch

    from surgsam2_ros.network import build_network, load_config
    from surgsam2_ros.share import share_file

    torch.manual_seed(0)
    config = load_config(share_file('models/surgsam2_nano.yaml'))
    trunk = dataclasses.replace(config.trunk, **_TRUNK)
    network = build_network(dataclasses.replace(config, image_size=SIZE, trunk=trunk, **_NARROW))
    network.requires_grad_(False).eval()
    _say_of_presence(network, _SEEN)
    return network


def _say_of_presence(network: Any, logit: float) -> None:
    network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.data.fill_(logit)


def differences(counted: list[Live]) -> list[str]:
    """Return a sentence about each count that did not stay the same; empty when all did.

    Tensors have to be equal to the byte, objects of the interpreter and resident memory nearly.
    """
    first = counted[0]
    found = []
    for live in counted[1:]:
        if live.tensor_bytes != first.tensor_bytes:
            found.append(f'{first.tensor_bytes} bytes in tensors became {live.tensor_bytes}')
        if live.objects - first.objects > _OBJECTS_SPREAD:
            found.append(f'{first.objects} objects became {live.objects}')
        if live.resident_mb - first.resident_mb > RESIDENT_SPREAD_MB:
            found.append(f'{first.resident_mb} MB of resident memory became {live.resident_mb}')
        if found:
            return [f'{text} from frame {first.frame} to {live.frame}' for text in found]
    return found


def _count_live(frame: int) -> Live:
    import torch

    gc.collect()
    alive = gc.get_objects()
    storages = {}
    for item in alive:
        # Weights that oneDNN has packed do not tell their size; there are as many all the time.
        if type(item) in (torch.Tensor, torch.nn.Parameter) and not item.is_mkldnn:
            storage = item.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    resident_mb = round(psutil.Process().memory_info().rss / 1e6, 2)
    return Live(frame, sum(storages.values()), len(alive), sys.getallocatedblocks(), resident_mb)
