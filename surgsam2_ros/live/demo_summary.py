# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The summary of a demo: what was lost, how long it took, how well it agrees with a truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from surgsam2_ros.evaluation.durations import percentiles
from surgsam2_ros.evaluation.records import ObjectRecord
from surgsam2_ros.evaluation.scores import later_frames, mean, mean_scores


@dataclass
class DemoObject:
    """What happened to one object during a demo.

    Attributes:
        object_id: name of the object.
        record: how its frames agree with a truth; None without one.
        states: number of results in which the object had each state, by name of the state.
    """

    object_id: str
    record: ObjectRecord | None = None
    states: Counter[str] = field(default_factory=Counter)

    def summary(self) -> dict[str, Any]:
        """Return object_id, mean_iou (None without truth), frames compared or seen, and states."""
        frames = [] if self.record is None else later_frames(self.record)
        overlap = mean_scores(self.record, frames)['J'] if frames else None
        return {
            'object_id': self.object_id,
            'mean_iou': None if overlap is None else round(overlap, 4),
            'frames': len(frames) or sum(self.states.values()),
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
    overlap = mean([entry['mean_iou'] for entry in entries if entry['mean_iou'] is not None])
    return {
        'model': model,
        'frames_in': frames_in,
        'frames_out': frames_out,
        'frames_dropped': frames_dropped,
        'rate_hz': round(rate_hz, 3),
        'latency_ms': percentiles(latencies_ms),
        'inference_ms': percentiles(inferences_ms),
        'objects': entries,
        'mean_iou': None if overlap is None else round(overlap, 4),
    }
