# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The summary of a demo: what was lost, how long it took, how well it agrees with a truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from surgsam2_ros.evaluation.durations import percentiles


@dataclass
class DemoObject:
    """What happened to one object during a demo.

    Attributes:
        object_id: name of the object.
        overlaps: IoU of each frame that was compared with a truth; empty without one.
        states: number of results in which the object had each state, by name of the state.
    """

    object_id: str
    overlaps: list[float] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)

    def summary(self) -> dict[str, Any]:
        """Return object_id, mean_iou (None without truth), frames compared or seen, and states."""
        return {
            'object_id': self.object_id,
            'mean_iou': _rounded(float(np.mean(self.overlaps))) if self.overlaps else None,
            'frames': len(self.overlaps) or sum(self.states.values()),
            'states': dict(sorted(self.states.items())),
        }


def summarise_demo(
    *,
    model: str,
    frames_in: int,
    frames_out: int,
    frames_dropped: int,
    rate_hz: float,
    latencies_ms: Sequence[float],
    inferences_ms: Sequence[float],
    objects: Sequence[DemoObject],
) -> dict[str, Any]:
    """Return the content of summary.json.

    Args:
        model: name of the network.
        frames_in: images published to the node.
        frames_out: images for which a result came back.
        frames_dropped: images without a result, by the node's own count or by ours if larger.
        rate_hz: images per second that were published.
        latencies_ms: from the publishing of an image to the arrival of its result.
        inferences_ms: time that network and tracker took, as the node reports it.
        objects: one record per object.

    Returns:
        JSON-ready dict; mean_iou is the mean of the objects' means, None without a truth.
    """
    entries = [record.summary() for record in objects]
    means = [entry['mean_iou'] for entry in entries if entry['mean_iou'] is not None]
    return {
        'model': model,
        'frames_in': frames_in,
        'frames_out': frames_out,
        'frames_dropped': frames_dropped,
        'rate_hz': round(rate_hz, 3),
        'latency_ms': percentiles(latencies_ms),
        'inference_ms': percentiles(inferences_ms),
        'objects': entries,
        'mean_iou': _rounded(float(np.mean(means))) if means else None,
    }


def _rounded(overlap: float) -> float:
    return round(overlap, 4)
