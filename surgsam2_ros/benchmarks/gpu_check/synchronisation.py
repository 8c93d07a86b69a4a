# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether the host waits for the device within a tracked frame."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from surgsam2_ros.benchmarks.cases import moving_boxes
from surgsam2_ros.benchmarks.gpu_check.settings import CheckSettings
from surgsam2_ros.benchmarks.measuring import count
from surgsam2_ros.benchmarks.rows import WARM_UP
from surgsam2_ros.engines import build_engine
from surgsam2_ros.tracking import Engine, StreamingTracker, TrackerConfig

FRAMES = 8
OBJECTS = 2
PLAIN = 'plain'


def no_synchronisation(settings: CheckSettings) -> Iterator[dict[str, Any]]:
    """Track frames while a wait of the host is an error, plain and as the node runs the network.

    All that leads to the masks on the device must not wait. Bringing them to the host waits once
    at its end; whether PyTorch takes that for a wait is told, not judged.
    """
    device = settings.torch_device
    network = settings.network(device, settings.precision)
    failures: list[str] = []
    engines = {
        PLAIN: Engine.eager(network),
        'as the node runs it': build_engine(
            network, settings.engine(), TrackerConfig(), failures.append
        ),
    }
    for what, engine in engines.items():
        clip, boxes = moving_boxes(WARM_UP + FRAMES + 1, OBJECTS)
        tracker = StreamingTracker(network, TrackerConfig(), engine)
        for number, box in enumerate(boxes):
            tracker.add_object(str(number), box=box)
        for rgb in clip[:WARM_UP]:
            tracker.track(rgb)
        waits = None  # operations inside a captured graph are not seen one by one
        if what == PLAIN or device.type == 'cpu':
            waits = count(lambda t=tracker, rgb=clip[-1]: t.advance(rgb).render()).waits
        on_the_way, at_the_end = _waits(tracker, clip[WARM_UP:-1], device)
        yield {
            'what': f'no wait before the masks are on the device, {what}',
            'passed': on_the_way is None and not failures and not waits,
            'waited': on_the_way or '; '.join(failures) or None,
            'waiting_operations': waits,
            'waits_for_masks': at_the_end is not None,
            'judged_by': 'CUDA' if device.type == 'cuda' else 'counting operations',
        }


def _waits(
    tracker: StreamingTracker, clip: Any, device: torch.device
) -> tuple[str | None, str | None]:
    """Track; return what PyTorch said of a wait on the way to the masks, and of one for them."""
    at_the_end = None
    for rgb in clip:
        try:
            with _waits_are_errors(device):
                pending = tracker.advance(rgb)
        except RuntimeError as error:
            return str(error), at_the_end
        try:
            with _waits_are_errors(device):
                pending.render()
        except RuntimeError as error:
            at_the_end = str(error)
            pending.render()
    return None, at_the_end


@contextlib.contextmanager
def _waits_are_errors(device: torch.device) -> Iterator[None]:
    """Let PyTorch raise where it makes the host wait for a GPU."""
    if device.type != 'cuda':
        yield
        return
    torch.cuda.set_sync_debug_mode('error')
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode('default')
