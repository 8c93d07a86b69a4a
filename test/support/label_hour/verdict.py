# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether what the console holds stays bounded while a bag is labelled; pure, from samples.

What is bounded, each life of the console by itself, from its second minute on:

- memory of its own, shared with no other process, is at most MOST_OWN_MB at any time;
- a straight line through it grows by at most GROWTH_MB_PER_10_MIN, in every life that is at least
  JUDGED_S longer than the settling time;
- file descriptors and threads become at most SPREAD more there, from the first two of these minutes
  to the last two;

and over the whole run:

- the memory of the last settled life is at most DRIFT_MB above that of the first one, for all that
  was labelled between them;
- journal and masks need at most MOST_BYTES_A_FRAME for each frame of the bag.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from label_hour.samples import Life, Sample

SETTLING_S = 120.0
JUDGED_S = 480.0
_WINDOW_S = 120.0
MOST_OWN_MB = 800.0
GROWTH_MB_PER_10_MIN = 20.0
DRIFT_MB = 64.0
SPREAD = 4
MOST_BYTES_A_FRAME = 20_000


@dataclass(frozen=True)
class Limits:
    """What was measured, and what it broke.

    Attributes:
        own_mb: the largest memory of its own after the settling time, of each life; of lives
            without it, at all [10^6 bytes].
        own_growth_mb_per_10_min: of the longest life; None when none is long enough.
        own_growth_s: time that this growth was measured over [s].
        descriptors, threads: of the longest life, the typical number at first and at last.
        findings: a sentence for each limit that was broken.
    """

    own_mb: tuple[float, ...]
    own_growth_mb_per_10_min: float | None
    own_growth_s: float
    descriptors: tuple[float, float] | None
    threads: tuple[float, float] | None
    findings: tuple[str, ...]


def judge(lives: Sequence[Life], frames: int) -> Limits:
    """Judge a run.

    Args:
        lives: of the console, in order.
        frames: of the bag.
    """
    settled = [[one for one in life.samples if one.age_s >= SETTLING_S] for life in lives]
    findings: list[str] = []
    largest = tuple(
        max((one.own_mb for one in later or life.samples), default=0.0)
        for life, later in zip(lives, settled, strict=True)
    )
    for number, own_mb in enumerate(largest, start=1):
        if own_mb > MOST_OWN_MB:
            findings.append(f'life {number} had {own_mb:.0f} MB; at most {MOST_OWN_MB:g}')
    for number, later in enumerate(settled, start=1):
        if later and later[-1].age_s - SETTLING_S >= JUDGED_S:
            findings += [f'life {number}: {text}' for text in _grown(later)]
    known = [later for later in settled if len(later) > 2]
    if len(known) > 1:
        drift_mb = _typical(known[-1], 'own_mb') - _typical(known[0], 'own_mb')
        if drift_mb > DRIFT_MB:
            findings.append(
                f'memory was {drift_mb:.0f} MB more in the last life than in the first one; at '
                f'most {DRIFT_MB:g}'
            )
    sizes = [one.labels_mb for life in lives for one in life.samples]
    if sizes and max(sizes) * 1e6 > MOST_BYTES_A_FRAME * frames:
        findings.append(
            f'journal and masks have {max(sizes):.0f} MB; at most {MOST_BYTES_A_FRAME} bytes for '
            f'each of {frames} frames'
        )
    longest = max(settled, key=lambda later: later[-1].age_s if later else 0.0, default=[])
    if not longest or longest[-1].age_s - SETTLING_S < JUDGED_S:
        return Limits(largest, None, 0.0, None, None, tuple(findings))
    first, last = _ends(longest)
    counts = ((_typical(first, name), _typical(last, name)) for name in ('descriptors', 'threads'))
    growth, over_s = growth_of(longest)
    return Limits(largest, round(growth, 2), round(over_s, 1), *counts, tuple(findings))


def growth_of(settled: Sequence[Sample]) -> tuple[float, float]:
    """Return the growth of a life's own memory [MB in 10 minutes], and the time it took [s]."""
    at_s = [one.age_s for one in settled]
    slope, _ = np.polyfit(at_s, [one.own_mb for one in settled], 1)
    return 600.0 * float(slope), at_s[-1] - at_s[0]


def _grown(settled: Sequence[Sample]) -> list[str]:
    growth, _ = growth_of(settled)
    found = []
    if growth > GROWTH_MB_PER_10_MIN:
        found.append(
            f'memory of its own grew by {growth:.1f} MB in 10 minutes; at most '
            f'{GROWTH_MB_PER_10_MIN:g}'
        )
    first, last = _ends(settled)
    for name in ('descriptors', 'threads'):
        before, after = _typical(first, name), _typical(last, name)
        if after > before + SPREAD:
            found.append(f'{name}: {before:g} became {after:g}; at most {SPREAD} more')
    return found


def _ends(settled: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Return the samples of the first and of the last minutes."""
    begin_s, end_s = settled[0].age_s, settled[-1].age_s
    first = [one for one in settled if one.age_s <= begin_s + _WINDOW_S]
    return first, [one for one in settled if one.age_s >= end_s - _WINDOW_S]


def _typical(samples: Sequence[Sample], name: str) -> float:
    return float(median(getattr(one, name) for one in samples))
