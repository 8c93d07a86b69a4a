# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A mask within the box that holds all of it: most of an image is empty."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np


@dataclass(frozen=True, eq=False)
class MaskCrop:
    """A mask of an image, cropped to its tight box.

    Attributes:
        image_size: (H, W).
        box: (x, y, width, height) in pixels; None when the mask is empty.
        pixels: bool [height, width] within the box, contiguous; [0, 0] when the mask is empty.
    """

    image_size: tuple[int, int]
    box: tuple[int, int, int, int] | None
    pixels: np.ndarray

    @staticmethod
    def of(mask: np.ndarray) -> MaskCrop:
        """Crop a mask, bool [H, W]."""
        return MaskCrop.placed(mask, 0, 0, mask.shape)

    @staticmethod
    def placed(part: np.ndarray, x: int, y: int, image_size: tuple[int, int]) -> MaskCrop:
        """Crop a mask of which a part is known, and that it is empty outside.

        Args:
            part: bool [h, w].
            x, y: pixel of the image where the part begins.
            image_size: (H, W).
        """
        left, top, width, height = cv2.boundingRect(part.view(np.uint8))
        if width == 0:
            return MaskCrop.empty(image_size)
        pixels = part[top : top + height, left : left + width].copy()
        return MaskCrop(image_size, (x + left, y + top, width, height), pixels)

    @staticmethod
    def empty(image_size: tuple[int, int]) -> MaskCrop:
        """Return the mask of an object that is not seen."""
        return MaskCrop(image_size, None, np.zeros((0, 0), bool))

    def expand(self) -> np.ndarray:
        """Return the mask at the size of the image, bool [H, W]."""
        mask = np.zeros(self.image_size, bool)
        if self.box is not None:
            x, y, width, height = self.box
            mask[y : y + height, x : x + width] = self.pixels
        return mask

    def part(self, left: int, top: int, right: int, bottom: int) -> np.ndarray:
        """Return what of `pixels` lies between these columns and rows of the image, as a view."""
        x, y = self.box[:2]
        return self.pixels[max(top - y, 0) : bottom - y, max(left - x, 0) : right - x]

    def shared_pixels(self, other: MaskCrop) -> int:
        """Count the pixels that it has in common with another mask of the image."""
        if self.box is None or other.box is None:
            return 0
        left, top = max(self.box[0], other.box[0]), max(self.box[1], other.box[1])
        right = min(self.box[0] + self.box[2], other.box[0] + other.box[2])
        bottom = min(self.box[1] + self.box[3], other.box[1] + other.box[3])
        if left >= right or top >= bottom:
            return 0
        within = left, top, right, bottom
        return int(np.count_nonzero(self.part(*within) & other.part(*within)))

    @cached_property
    def area(self) -> int:
        """Pixels of the mask."""
        return 0 if self.box is None else cv2.countNonZero(self.pixels.view(np.uint8))

    @cached_property
    def centroid(self) -> tuple[float, float] | None:
        """Mean pixel (x, y) of the mask; None when it is empty."""
        if self.box is None:
            return None
        x, y = self.box[:2]
        moments = cv2.moments(self.pixels.view(np.uint8), binaryImage=True)
        return x + moments['m10'] / moments['m00'], y + moments['m01'] / moments['m00']
