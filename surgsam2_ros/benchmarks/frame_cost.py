# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The operations of one frame of a tracker, counted once its memory is full."""

from __future__ import annotations

from surgsam2_ros.benchmarks.cases import moving_boxes
from surgsam2_ros.benchmarks.measuring import count
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.tracking import StreamingTracker, TrackerConfig

_STEADY_FRAMES = 20  # from which on memories and object pointers are as many as they get


def gflop_per_frame(network: SurgSAM2, tracker: TrackerConfig) -> dict[str, float]:
    """Count what a frame with one and with two objects takes.

    Args:
        network: in evaluation mode; its parameters need no gradients from then on.
        tracker: settings.

    Returns:
        10^9 floating-point operations by number of objects, '1' and '2'.
    """
    network, found = network.requires_grad_(False), {}
    for objects in (1, 2):
        clip, boxes = moving_boxes(_STEADY_FRAMES + 1, objects)
        tracking = StreamingTracker(network, tracker)
        for number, box in enumerate(boxes):
            tracking.add_object(str(number), box=box)
        for rgb in clip[:-1]:
            tracking.track(rgb)
        found[str(objects)] = round(count(lambda t=tracking, c=clip: t.track(c[-1])).gflop, 3)
    return found
