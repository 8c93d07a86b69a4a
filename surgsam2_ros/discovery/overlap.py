# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether two things in an image are one: by what of one lies in the other, not by IoU alone."""

from __future__ import annotations

import math
from dataclasses import fields
from functools import cached_property

import cv2
import numpy as np

from surgsam2_ros.tracking.mask_crop import MaskCrop
from surgsam2_ros.tracking.proposal import Proposal

Box = tuple[float, float, float, float]

SAME_BOX_IOU = 0.7
"""Boxes that agree so well are of one instrument; those of crossing ones agree less."""
CONTAINED = 0.5
"""A mask lies on another when so much of the smaller one is in the larger one."""
FILLED = 0.5
"""A box lies on an object when what of its mask is in the box fills so much of the box."""


def area(box: Box) -> float:
    """Return a box's area [pixels]; 0 for one that is turned inside out."""
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def centre(box: Box) -> tuple[float, float]:
    """Return the middle (x, y) of a box."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def moved(box: Box, x: float, y: float) -> Box:
    """Return a box elsewhere."""
    return box[0] + x, box[1] + y, box[2] + x, box[3] + y


def common(one: Box, other: Box) -> Box:
    """Return what two boxes have in common, perhaps turned inside out."""
    return (
        max(one[0], other[0]),
        max(one[1], other[1]),
        min(one[2], other[2]),
        min(one[3], other[3]),
    )


def box_iou(one: Box, other: Box) -> float:
    """Return the intersection over union of two boxes."""
    shared = area(common(one, other))
    return shared / max(area(one) + area(other) - shared, 1e-9)


def box_containment(one: Box, other: Box) -> float:
    """Return how much of the smaller box lies in the larger one, 0 to 1."""
    return area(common(one, other)) / max(min(area(one), area(other)), 1e-9)


def corners(crop: MaskCrop) -> Box:
    """Return the box of a mask that is not empty by its corners."""
    x, y, width, height = crop.box
    return float(x), float(y), float(x + width), float(y + height)


class Spot(Proposal):
    """A proposal whose mask is cropped once, for many comparisons."""

    @classmethod
    def of(cls, proposal: Proposal) -> Spot:
        """Return a proposal as one."""
        return cls(**{field.name: getattr(proposal, field.name) for field in fields(Proposal)})

    def with_crop(self, crop: MaskCrop) -> Spot:
        """Return it with a mask that was found elsewhere."""
        other = Spot.of(self)
        vars(other)['crop'] = crop
        return other

    @cached_property
    def crop(self) -> MaskCrop | None:
        """The mask; None where the detector gave none."""
        return None if self.mask is None else MaskCrop.of(np.ascontiguousarray(self.mask, bool))


def is_same(one: Spot, other: Spot) -> bool:
    """Tell whether two proposals for one image mean one instrument."""
    if one.crop is not None and other.crop is not None:
        return containment(one.crop, other.crop) >= CONTAINED
    return box_iou(one.box, other.box) >= SAME_BOX_IOU


def lies_on(proposal: Spot, crop: MaskCrop) -> bool:
    """Tell whether a proposal means the object of a mask, or a part of it.

    A box may hold a small instrument and be that of another, larger one; it lies on the small one
    only where that fills it.
    """
    if crop.box is None:
        return False
    if proposal.crop is not None:
        return containment(proposal.crop, crop) >= CONTAINED
    return box_filled(proposal.box, crop) >= FILLED


def agreement(proposal: Spot, crop: MaskCrop) -> float:
    """Return the IoU of a proposal's mask, or else of its box, with that of an object."""
    if crop.box is None:
        return 0.0
    if proposal.crop is None:
        return box_iou(proposal.box, corners(crop))
    shared = proposal.crop.shared_pixels(crop)
    return shared / max(proposal.crop.area + crop.area - shared, 1)


def containment(one: MaskCrop, other: MaskCrop) -> float:
    """Return how much of the smaller mask lies in the larger one, 0 to 1."""
    return one.shared_pixels(other) / max(min(one.area, other.area), 1)


def box_filled(box: Box, crop: MaskCrop) -> float:
    """Return which share of a box the tight box of the mask's part within it fills, 0 to 1."""
    left, top, right, bottom = common(box, corners(crop))
    left, top, right, bottom = (
        math.floor(left),
        math.floor(top),
        math.ceil(right),
        math.ceil(bottom),
    )
    if left >= right or top >= bottom:
        return 0.0
    part = np.ascontiguousarray(crop.part(left, top, right, bottom))
    _, _, width, height = cv2.boundingRect(part.view(np.uint8))
    return min(width * height / max(area(box), 1.0), 1.0)
