# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a live run costs and how late it is: frame rate, missed frames, latency, jitter, resources.

The names are those of ros2_benchmark (NVIDIA Isaac ROS), with percentiles and resources added.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from surgsam2_ros.evaluation.metrics.process_usage import ProcessUsage

LIVE_MEASURES = (
    'MEAN_FRAME_RATE',
    'NUM_MISSED_FRAMES',
    'FIRST_LATENCY',
    'MEAN_LATENCY',
    'MAX_LATENCY',
    'LATENCY_P50',
    'LATENCY_P95',
    'LATENCY_P99',
    'MEAN_JITTER',
    'MAX_JITTER',
    'CPU',
    'RESIDENT_MEMORY',
    'DEVICE_MEMORY',
    'NUM_FRAMES_SENT',
    'MEAN_PLAYBACK_FRAME_RATE',
)


def live_scores(
    published_ns: Sequence[int],
    arrived_ns: Sequence[int | None],
    *,
    usage: ProcessUsage | None = None,
) -> dict[str, float | None]:
    """Measure one replay from the times of its images and results.

    Args:
        published_ns: when each image was published, in the order of publishing [ns].
        arrived_ns: when the result of each image arrived, on the same clock [ns]; None where none
            came. One entry per image.
        usage: what the process used meanwhile.

    Returns:
        LIVE_MEASURES -> value; None where it cannot be told.
        MEAN_FRAME_RATE: results per second between the first and the last one [Hz]. Counted in
            intervals, so that a node that answers a camera of 15 Hz scores 15; ros2_benchmark
            divides the number of results by the same time.
        NUM_MISSED_FRAMES: images without a result.
        FIRST_LATENCY, MEAN_LATENCY, MAX_LATENCY, LATENCY_P50, LATENCY_P95, LATENCY_P99: from
            publishing an image to the arrival of its result [ms]; FIRST is that of the first image
            that got one (FIRST_INPUT_LATENCY in ros2_benchmark). Percentiles are interpolated
            linearly.
        MEAN_JITTER, MAX_JITTER: how much the time between two results differs from the one before
            it, absolute [ms]; needs three results.
        CPU: mean use of the processor, in percent of one core.
        RESIDENT_MEMORY, DEVICE_MEMORY: the largest seen, in MB of 10^6 bytes.
        NUM_FRAMES_SENT, MEAN_PLAYBACK_FRAME_RATE: images published, and how many per second [Hz].

    Raises:
        ValueError: when the lengths differ, or a result came before its image.
    """
    if len(published_ns) != len(arrived_ns):
        raise ValueError(
            f'{len(published_ns)} times of publishing and {len(arrived_ns)} of arrival; give one '
            'of each per image, None for an image without a result'
        )
    pairs = [(p, a) for p, a in zip(published_ns, arrived_ns, strict=True) if a is not None]
    latencies = [(arrival - publishing) / 1e6 for publishing, arrival in pairs]
    if latencies and min(latencies) < 0:
        raise ValueError(
            f'a result came {-min(latencies):.3f} ms before its image was published; both times '
            'must be of one clock'
        )
    arrivals = sorted(arrival for _, arrival in pairs)
    scores: dict[str, float | None] = dict.fromkeys(LIVE_MEASURES)
    scores['NUM_FRAMES_SENT'] = len(published_ns)
    scores['NUM_MISSED_FRAMES'] = len(published_ns) - len(pairs)
    scores['MEAN_PLAYBACK_FRAME_RATE'] = _rate_hz(published_ns)
    scores['MEAN_FRAME_RATE'] = _rate_hz(arrivals)
    scores.update(_latency_scores(latencies))
    scores.update(_jitter_scores(arrivals))
    if usage is not None:
        scores['CPU'] = usage.cpu_percent
        scores['RESIDENT_MEMORY'] = usage.resident_mb
        scores['DEVICE_MEMORY'] = usage.device_mb
    return scores


def _rate_hz(times_ns: Sequence[int]) -> float | None:
    """Events per second of rising times [ns]; None for fewer than two."""
    span_s = (times_ns[-1] - times_ns[0]) / 1e9 if len(times_ns) > 1 else 0.0
    return (len(times_ns) - 1) / span_s if span_s > 0 else None


def _latency_scores(latencies_ms: Sequence[float]) -> dict[str, float]:
    if not latencies_ms:
        return {}
    p50, p95, p99 = np.percentile(latencies_ms, [50, 95, 99])
    return {
        'FIRST_LATENCY': latencies_ms[0],
        'MEAN_LATENCY': float(np.mean(latencies_ms)),
        'MAX_LATENCY': max(latencies_ms),
        'LATENCY_P50': float(p50),
        'LATENCY_P95': float(p95),
        'LATENCY_P99': float(p99),
    }


def _jitter_scores(arrivals_ns: Sequence[int]) -> dict[str, float]:
    if len(arrivals_ns) < 3:
        return {}
    jitter_ms = np.abs(np.diff(arrivals_ns, n=2)) / 1e6
    return {'MEAN_JITTER': float(jitter_ms.mean()), 'MAX_JITTER': float(jitter_ms.max())}
