# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Decides which label image belongs to which image, by the times of both."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DEFAULT_TOLERANCE_MS = 5.0
"""Less than half the time between two images of any endoscope camera."""

_SECONDS = re.compile(r'(\d{1,12})[._](\d{9})')
_NANOSECONDS = re.compile(r'\d{16,19}')


@dataclass(frozen=True)
class StampMatching:
    """Which label image belongs to which image.

    Attributes:
        pairs: index of the image -> index of its label image.
        unmatched: number of label images without an image.
        worst_ns: largest distance within a pair; 0 without pairs.
        nearest_ns: distance of the nearest image and label image, matched or not.
    """

    pairs: dict[int, int]
    unmatched: int
    worst_ns: int
    nearest_ns: int


def match_stamps(images: Sequence[int], labels: Sequence[int], tolerance_ns: int) -> StampMatching:
    """Give every label image to the image nearest in time, if it is near enough.

    Of several label images nearest to one image the nearest gets it, the earlier of two as near.

    Args:
        images, labels: stamps [ns] in any order, at least one each.
        tolerance_ns: largest distance allowed.
    """
    stamps, wanted = np.asarray(images, np.int64), np.asarray(labels, np.int64)
    order = np.argsort(stamps, kind='stable')
    ordered = stamps[order]
    after = np.clip(np.searchsorted(ordered, wanted), 1, max(len(ordered) - 1, 1))
    after = np.minimum(after, len(ordered) - 1)
    before = np.maximum(after - 1, 0)
    nearer = np.abs(ordered[before] - wanted) <= np.abs(ordered[after] - wanted)
    image = order[np.where(nearer, before, after)]
    distance = np.abs(stamps[image] - wanted)
    pairs: dict[int, int] = {}
    for label in np.argsort(distance, kind='stable'):
        if distance[label] <= tolerance_ns:
            pairs.setdefault(int(image[label]), int(label))
    return StampMatching(
        pairs=dict(sorted(pairs.items())),
        unmatched=len(wanted) - len(pairs),
        worst_ns=max((int(distance[label]) for label in pairs.values()), default=0),
        nearest_ns=int(distance.min()),
    )


def stamp_of_name(stem: str) -> int | None:
    """Read the time that a file is named after [ns]; None for a name that is no time.

    '1700000000123456789' is nanoseconds, '1700000000.123456789' and '1700000000_123456789' are
    seconds and nanoseconds.
    """
    if _NANOSECONDS.fullmatch(stem):
        return int(stem)
    match = _SECONDS.fullmatch(stem)
    return int(match[1]) * 1_000_000_000 + int(match[2]) if match else None
