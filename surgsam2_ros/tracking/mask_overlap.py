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
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from surgsam2_ros.tracking.mask_crop import MaskCrop


class Overlap(NamedTuple):
    """The largest share of a mask, 0 to 1, that one other covers, and which one that is.

    `other` is the place of that one among the masks; None where nothing is covered.
    """

    share: float = 0.0
    other: int | None = None


def overlaps(masks: Sequence[MaskCrop]) -> list[Overlap]:
    """Return for each mask how much of it another one covers; nothing of an empty one.

    Args:
        masks: of one image.
    """
    found = [Overlap()] * len(masks)
    for one, other in combinations(range(len(masks)), 2):
        shared = masks[one].shared_pixels(masks[other])
        if shared:
            found[one] = max(found[one], Overlap(shared / masks[one].area, other), key=_share)
            found[other] = max(found[other], Overlap(shared / masks[other].area, one), key=_share)
    return found


def _share(overlap: Overlap) -> float:
    return overlap.share
