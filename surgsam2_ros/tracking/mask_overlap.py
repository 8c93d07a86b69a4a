# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How much of each mask another object claims as well.

What instruments show of themselves does not overlap. Where two masks lie on the same pixels at
least one is wrong, as when an object that has left is seen in another of its kind, and the network
is as sure of the one as of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from surgsam2_ros.tracking.mask_crop import MaskCrop


def overlaps(masks: Sequence[MaskCrop]) -> list[float]:
    """Return for each mask the largest share of it, 0 to 1, that one other covers; 0 if empty.

    Args:
        masks: of one image.
    """
    shares = [0.0] * len(masks)
    for one, other in combinations(range(len(masks)), 2):
        common = _common_pixels(masks[one], masks[other])
        if common:
            shares[one] = max(shares[one], common / masks[one].area)
            shares[other] = max(shares[other], common / masks[other].area)
    return shares


def _common_pixels(one: MaskCrop, other: MaskCrop) -> int:
    """Count the pixels that are in both masks."""
    if one.box is None or other.box is None:
        return 0
    left, top = max(one.box[0], other.box[0]), max(one.box[1], other.box[1])
    right = min(one.box[0] + one.box[2], other.box[0] + other.box[2])
    bottom = min(one.box[1] + one.box[3], other.box[1] + other.box[3])
    if left >= right or top >= bottom:
        return 0

    def within(mask: MaskCrop) -> np.ndarray:
        x, y = mask.box[:2]
        return mask.pixels[top - y : bottom - y, left - x : right - x]

    return int(np.count_nonzero(within(one) & within(other)))
