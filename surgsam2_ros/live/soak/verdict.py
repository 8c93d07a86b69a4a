# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether what a node holds and takes stays the same; pure, from what was counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from surgsam2_ros.live.soak.census import Census

WARM_UP_S = 300.0
"""After which memory may no longer grow [s]."""

JUDGED_S = 120.0
"""Shortest time after the warm-up that the strict limits apply to [s]."""

GROWTH_MB_PER_10_MIN = 1.0
"""Of the memory that the process shares with nobody."""

SHARED_GROWTH_MB = 68.0
"""A camera's segment, which its images lie in: the 64 MiB of config/fastdds.xml, in 10^6 bytes."""

LATENCY_RATIO = 1.1
COARSE_GROWTH_MB = 60.0
"""Limit of a run that ends in the warm-up, over its second half."""

_SPREAD = 2
"""Descriptors, threads and endpoints may differ by so many: participants that just come or go."""

_MINUTE_S = 60.0


@dataclass(frozen=True)
class Limits:
    """What was measured in one phase, and what it broke.

    Attributes:
        strict: whether the phase was long enough for the strict limits.
        growth_mb, growth_s: of resident memory after the warm-up, or in the second half of a short
            phase, and the time it took.
        own_growth_mb: the part that the process shares with nobody: pages of shared memory that a
            camera writes its images to count for the node too, once one has lain there.
        p99_first_ms, p99_last_ms: of the minute after the warm-up and of the last one [ms].
        findings: a sentence for each limit that was broken.
    """

    strict: bool
    growth_mb: float
    growth_s: float
    own_growth_mb: float
    p99_first_ms: float
    p99_last_ms: float
    findings: tuple[str, ...]

    @property
    def growth_mb_per_10_min(self) -> float:
        """Growth of the process's own memory, as if it went on for 10 minutes."""
        return self.own_growth_mb * 600.0 / self.growth_s


def judge(
    censuses: Sequence[Census], latencies: Sequence[tuple[float, float]], begin_s: float
) -> Limits:
    """Judge a phase.

    Args:
        censuses: of the phase, oldest first, at least four.
        latencies: (monotonic clock [s], latency [ms]) of its results, oldest first.
        begin_s: when it began, monotonic clock [s].
    """
    duration_s = censuses[-1].at_s - begin_s
    strict = duration_s >= WARM_UP_S + JUDGED_S
    # A short phase is judged by its second half.
    settled_s = begin_s + (WARM_UP_S if strict else duration_s / 2)
    window_s = min(_MINUTE_S, (begin_s + duration_s - settled_s) / 2)
    first = [c for c in censuses if settled_s <= c.at_s < settled_s + window_s]
    last = [c for c in censuses if c.at_s > censuses[-1].at_s - window_s]
    findings = [
        f'{name}: {before} became {after}'
        for name in ('descriptors', 'threads', 'endpoints')
        if (after := _typical(last, name)) > (before := _typical(first, name)) + _SPREAD
    ]
    apart_s = max(median(c.at_s for c in last) - median(c.at_s for c in first), 1.0)
    growth_mb = _typical(last, 'resident_mb') - _typical(first, 'resident_mb')
    own_growth_mb = _typical(last, 'own_mb') - _typical(first, 'own_mb')
    growth, shared_mb = own_growth_mb * 600.0 / apart_s, growth_mb - own_growth_mb
    if strict and growth > GROWTH_MB_PER_10_MIN:
        findings.append(
            f'memory of its own grew by {growth:.2f} MB in 10 minutes after the first '
            f'{WARM_UP_S / 60:g}; at most {GROWTH_MB_PER_10_MIN:g} was expected'
        )
    elif strict and shared_mb > SHARED_GROWTH_MB:
        findings.append(
            f'memory that it shares grew by {shared_mb:.1f} MB; a camera has at most '
            f'{SHARED_GROWTH_MB:g}'
        )
    elif growth_mb > COARSE_GROWTH_MB:
        findings.append(f'resident memory grew by {growth_mb:.1f} MB in half of the run')
    p99_first = _p99(latencies, settled_s, settled_s + window_s)
    p99_last = _p99(latencies, censuses[-1].at_s - window_s, censuses[-1].at_s)
    if strict and p99_last > LATENCY_RATIO * p99_first:
        findings.append(
            f'the 99th percentile of latency went from {p99_first:.1f} to {p99_last:.1f} ms; at '
            f'most {LATENCY_RATIO:g} times as much was expected'
        )
    if not latencies:
        findings.append('no results came')
    numbers = (growth_mb, apart_s, own_growth_mb, p99_first, p99_last)
    return Limits(strict, *(round(number, 2) for number in numbers), tuple(findings))


def _typical(censuses: Sequence[Census], name: str) -> float:
    return median(getattr(census, name) for census in censuses)


def _p99(latencies: Sequence[tuple[float, float]], begin_s: float, end_s: float) -> float:
    """Return the 99th percentile of the results in a time [ms]; 0 when there are none."""
    values = [latency_ms for at_s, latency_ms in latencies if begin_s <= at_s < end_s]
    return float(np.percentile(values, 99)) if values else 0.0
