# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Statistics of a node that was fed by a camera: latencies, what the node adds, drops, memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

SPREAD = ('mean', 'p50', 'p95', 'p99', 'max', 'jitter')


class Result(Protocol):
    """What is known of a result; see nodes.camera_run.Result."""

    stamp_ns: int
    published_ns: int | None
    arrived_ns: int
    latency_ms: float
    inference_ms: float
    dropped_since_last: int


class UsageSample(NamedTuple):
    """A process at one moment: clock [s], processor time so far [s], resident memory [bytes]."""

    clock_s: float
    cpu_s: float
    resident_bytes: int


def spread(milliseconds: Sequence[float]) -> dict[str, float | None]:
    """Return mean, percentiles (linear interpolation), maximum and jitter of durations.

    Args:
        milliseconds: durations in any order.

    Returns:
        SPREAD -> [ms], rounded to 0.001; jitter is the standard deviation. All None for no
        durations.
    """
    if not len(milliseconds):
        return dict.fromkeys(SPREAD)
    values = np.asarray(milliseconds, float)
    numbers = [values.mean(), *np.percentile(values, [50, 95, 99]), values.max(), values.std()]
    return {name: round(float(n), 3) for name, n in zip(SPREAD, numbers, strict=True)}


def frame_rows(sent_ns: Sequence[int], results: Sequence[Result]) -> list[Result | None]:
    """Return the first result of each image, None where none came.

    Args:
        sent_ns: stamps of the images.
        results: in the order of their arrival; those of other images are passed over.
    """
    by_stamp: dict[int, Result] = {}
    for result in results:
        by_stamp.setdefault(result.stamp_ns, result)
    return [by_stamp.get(stamp) for stamp in sent_ns]


def count_drops(
    all_sent_ns: Sequence[int], first: int, results: Sequence[Result]
) -> dict[str, int]:
    """Compare the drops that the node tells with the images that have no result.

    Args:
        all_sent_ns: stamps of all images in the order of sending.
        first: index of the first measured one.
        results: all results in the order of their arrival.

    Returns:
        frames_dropped: what the node tells of the images from `first` to the last one with a
        result, and drops_untold: images without a result among them that it does not tell of
        (negative: it tells of more).
    """
    index = {stamp: number for number, stamp in enumerate(all_sent_ns)}
    told = missing = 0
    before = -1
    for result in results:
        number = index.get(result.stamp_ns, -1)
        if number <= before:  # not one of the images, or not its first result
            continue
        if number >= first:
            # Drops before the first measured image belong to the time before.
            told += max(result.dropped_since_last - max(first - before - 1, 0), 0)
            missing += number - max(first - 1, before) - 1
        before = number
    return {'frames_dropped': told, 'drops_untold': missing - told}


def added_ms(result: Result) -> float:
    """Time from the stamp of an image to the publishing of its result, less inference [ms].

    Where the middleware does not tell when it was published, the latency that the node tells
    stands for it, which leaves out building and serialising the result.
    """
    if result.published_ns is None:
        return result.latency_ms - result.inference_ms
    return (result.published_ns - result.stamp_ns) / 1e6 - result.inference_ms


def first_and_last(
    sent_ns: Sequence[int], arrived_ns: Sequence[int | None]
) -> dict[str, float | None]:
    """Return what ros2_benchmark has besides evaluation.metrics.live.

    Args:
        sent_ns: stamps of the images.
        arrived_ns: when the result of each came, None where none did. One entry per image.

    Returns:
        FIRST_SENT_RECEIVED_LATENCY and LAST_SENT_RECEIVED_LATENCY: from the first (last) image to
        the first (last) result, whatever image that is of [ms]; MIN_LATENCY [ms]; STD_DEV_JITTER:
        standard deviation of what the time between two results differs from the one before [ms].
    """
    arrivals = sorted(arrival for arrival in arrived_ns if arrival is not None)
    names = (
        'FIRST_SENT_RECEIVED_LATENCY',
        'LAST_SENT_RECEIVED_LATENCY',
        'MIN_LATENCY',
        'STD_DEV_JITTER',
    )
    if not arrivals:
        return dict.fromkeys(names)
    latencies = [a - s for s, a in zip(sent_ns, arrived_ns, strict=True) if a is not None]
    jitter = np.abs(np.diff(arrivals, n=2)) if len(arrivals) > 2 else None
    values = (
        (arrivals[0] - sent_ns[0]) / 1e6,
        (arrivals[-1] - sent_ns[-1]) / 1e6,
        min(latencies) / 1e6,
        None if jitter is None else float(jitter.std()) / 1e6,
    )
    return dict(zip(names, values, strict=True))


def usage(samples: Sequence[UsageSample]) -> dict[str, float | None]:
    """Return what a process used between the first and the last sample.

    Returns:
        cpu_cores: core-seconds per second; resident_mb_begin, resident_mb_end [10^6 bytes];
        resident_growth_mb_per_min: slope of the straight line that fits all samples best. None
        with fewer than two samples.
    """
    names = ('cpu_cores', 'resident_mb_begin', 'resident_mb_end', 'resident_growth_mb_per_min')
    if len(samples) < 2:
        return dict.fromkeys(names)
    first, last = samples[0], samples[-1]
    clock = np.array([sample.clock_s for sample in samples]) - first.clock_s
    resident = np.array([sample.resident_bytes for sample in samples]) / 1e6
    slope = np.polyfit(clock, resident, 1)[0]
    cores = (last.cpu_s - first.cpu_s) / (last.clock_s - first.clock_s)
    values = (cores, resident[0], resident[-1], 60 * slope)
    return {name: round(float(value), 3) for name, value in zip(names, values, strict=True)}


def node_row(
    sent: Mapping[int, int],
    first: int,
    results: Sequence[Result],
    *,
    transport_ms: Sequence[float],
    samples: Sequence[UsageSample],
) -> dict[str, Any]:
    """Return the figures of one run; docs/performance.md describes the fields.

    Args:
        sent: stamp of each image [ns] -> how long after it publishing began [ns].
        first: index of the first measured one.
        results: all results in the order of their arrival.
        transport_ms: from the stamp of an image to its arrival at a process that does nothing.
        samples: the node's process during the measurement.
    """
    stamps = list(sent)
    measured = stamps[first:]
    rows = frame_rows(measured, results)
    answered = [row for row in rows if row is not None]
    transport = spread(transport_ms)
    added = [added_ms(row) for row in answered]
    own = [value - (transport['p50'] or 0.0) for value in added]
    return {
        'frames_published': len(measured),
        'frames_received': len(answered),
        **count_drops(stamps, first, results),
        'latency_ms': spread([(row.arrived_ns - row.stamp_ns) / 1e6 for row in answered]),
        'node_latency_ms': spread([row.latency_ms for row in answered]),
        'inference_ms': spread([row.inference_ms for row in answered]),
        'node_overhead_ms': spread(added),
        'transport_ms': transport,
        'overhead_ms': spread(own),
        'publish_late_ms': spread([sent[stamp] / 1e6 for stamp in measured]),
        **usage(samples),
    }
