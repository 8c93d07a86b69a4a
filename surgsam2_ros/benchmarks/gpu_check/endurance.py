# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether memory stays flat over many frames, with objects that come and go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from surgsam2_ros.benchmarks.cases import moving_boxes
from surgsam2_ros.benchmarks.gpu_check.settings import CheckSettings
from surgsam2_ros.benchmarks.memory_use import held_memory
from surgsam2_ros.engines import build_engine
from surgsam2_ros.tracking import StreamingTracker, TrackerConfig

CYCLE = 20
"""Frames after which the second object comes anew."""
MOST_MB = {'cuda': 1.0, 'cpu': 64.0}
"""Growth that is allowed: of PyTorch's count on a GPU, of resident memory on a CPU."""
_CLIP = 64


def memory_is_flat(settings: CheckSettings) -> Iterator[dict[str, Any]]:
    """Track with a network as the node runs it; compare memory at the same point of a cycle."""
    device = settings.torch_device
    network = settings.network(device, settings.precision)
    failures: list[str] = []
    engine = build_engine(network, settings.engine(), TrackerConfig(), failures.append)
    tracker = StreamingTracker(network, TrackerConfig(), engine)
    clip, boxes = moving_boxes(_CLIP, 2)
    tracker.add_object('lasting', box=boxes[0])
    frames, settled = settings.scale.endurance_frames
    held = []
    for number in range(1, frames + 1):
        if number % CYCLE == 5:
            tracker.add_object('passing', box=boxes[1])
        if number % CYCLE == 15:
            tracker.remove_object('passing')
        tracker.track(clip[number % _CLIP])
        if number >= settled and number % CYCLE == 0:
            held.append(held_memory(device))
    growth = None if None in held else (held[-1] - held[0]) / 1e6
    bound = MOST_MB[device.type]
    yield {
        'what': f'memory is flat over {frames} frames',
        'passed': growth is not None and growth <= bound and not failures,
        'growth_mb': growth,
        'bound_mb': bound,
        'held_mb': None if growth is None else round(held[-1] / 1e6, 1),
        'fell_back': failures,
    }
