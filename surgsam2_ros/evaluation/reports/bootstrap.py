# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Intervals for the mean of paired differences, by resampling objects or whole videos."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

RESAMPLES = 10_000
LEVEL = 0.95
SEED = 0
_AT_ONCE = 1_000_000  # draws kept in memory at a time

Interval = tuple[float, float]


def bootstrap_interval(
    differences: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = SEED,
) -> Interval | None:
    """Percentile bootstrap interval of a mean (Efron and Tibshirani, 1993, chapter 13).

    With groups, whole groups are drawn, and each brings all its differences (cluster bootstrap):
    objects of one video share its light, smoke and motion, so they are not independent, and an
    interval over objects alone is too narrow.

    Args:
        differences: one per object, second run minus first.
        groups: the video of each object; None draws objects.
        resamples: number of draws.
        level: share of the draws' means inside the interval.
        seed: equal seeds give equal intervals.

    Returns:
        (low, high); None with fewer than two objects or groups, where there is nothing to draw.

    Raises:
        ValueError: when `groups` has another length.
    """
    values = np.asarray(differences, float)
    if groups is None:
        sums, counts = values, np.ones(len(values))
    else:
        if len(groups) != len(values):
            raise ValueError(f'{len(values)} differences in {len(groups)} groups; give one each')
        places = {group: place for place, group in enumerate(dict.fromkeys(groups))}
        indices = [places[group] for group in groups]
        sums = np.bincount(indices, weights=values, minlength=len(places))
        counts = np.bincount(indices, minlength=len(places)).astype(float)
    size = len(sums)
    if size < 2:
        return None
    rng = np.random.default_rng(seed)
    means = []
    for start in range(0, resamples, max(_AT_ONCE // size, 1)):
        rows = min(max(_AT_ONCE // size, 1), resamples - start)
        drawn = rng.integers(size, size=(rows, size))  # [draws, groups]
        means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return float(low), float(high)
