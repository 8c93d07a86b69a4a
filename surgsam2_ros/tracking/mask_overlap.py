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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from surgsam2_ros.tracking.mask_crop import MaskCrop


def overlaps(masks: Sequence[MaskCrop]) -> list[float]:
    """Return for each mask the largest share of it, 0 to 1, that one other covers; 0 if empty.

    Args:
        masks: of one image.
    """
    shares = [0.0] * len(masks)
    for one, other in combinations(range(len(masks)), 2):
        shared = masks[one].shared_pixels(masks[other])
        if shared:
            shares[one] = max(shares[one], shared / masks[one].area)
            shares[other] = max(shares[other], shared / masks[other].area)
    return shares
