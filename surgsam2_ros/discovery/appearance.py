# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What an instrument looks like, and how alike two looks are.

A detector may describe what it proposes (`Proposal.descriptor`). Where it does not, looks are the
colours within the mask.
"""

from __future__ import annotations

import cv2
import numpy as np

from surgsam2_ros.tracking.mask_crop import MaskCrop

MOST_LOOKS = 8
_FEWEST_PIXELS = 60
_SAME_LOOK = 0.97
_HUES, _SATURATIONS, _VALUES = 12, 4, 6


def describe(picture: np.ndarray, crop: MaskCrop) -> np.ndarray | None:
    """Return the colours of an instrument.

    A histogram of hue and saturation beside one of brightness, each by square roots (Hellinger), so
    that the scalar product of two is their Bhattacharyya coefficient.

    Args:
        picture: uint8 [h, w, 3], the image that the mask belongs to or a smaller copy of it.
        crop: the mask, in pixels of the image.

    Returns:
        float32 [D] of length 1; None for a mask that has too few pixels for it.
    """
    if crop.box is None:
        return None
    pixels = _pixels_within(picture, crop)
    if len(pixels) < _FEWEST_PIXELS:
        return None
    hue, saturation, value = cv2.cvtColor(pixels[None], cv2.COLOR_RGB2HSV)[0].astype(int).T
    saturations = saturation * _SATURATIONS // 256
    # A grey pixel has no hue to speak of.
    hues = np.where(saturations == 0, 0, hue * _HUES // 180)
    colours = np.bincount(hues * _SATURATIONS + saturations, minlength=_HUES * _SATURATIONS)
    values = np.bincount(value * _VALUES // 256, minlength=_VALUES)
    look = np.sqrt(np.concatenate([2 * colours, values]) / (3 * len(pixels)))
    return look.astype(np.float32)


def _pixels_within(picture: np.ndarray, crop: MaskCrop) -> np.ndarray:
    """Return the pixels of a picture that lie in a mask, uint8 [P, 3]."""
    height, width = picture.shape[:2]
    scale_x, scale_y = width / crop.image_size[1], height / crop.image_size[0]
    x, y, box_width, box_height = crop.box
    left, top = int(x * scale_x), int(y * scale_y)
    right = min(int(np.ceil((x + box_width) * scale_x)), width)
    bottom = min(int(np.ceil((y + box_height) * scale_y)), height)
    columns = ((np.arange(left, right) + 0.5) / scale_x - x).astype(int).clip(0, box_width - 1)
    rows = ((np.arange(top, bottom) + 0.5) / scale_y - y).astype(int).clip(0, box_height - 1)
    return picture[top:bottom, left:right][crop.pixels[rows[:, None], columns]]


class Looks:
    """The looks of one object, few of them and unlike each other: a tip, then all of it."""

    def __init__(self) -> None:
        self._kept: list[np.ndarray] = []

    def add(self, look: np.ndarray) -> None:
        """Remember a look, float [D] of length 1."""
        alike = [float(look @ one) for one in self._kept if len(one) == len(look)]
        if len(alike) < len(self._kept):  # those of another detector
            self._kept, alike = [], []
        if alike and (max(alike) >= _SAME_LOOK or len(alike) >= MOST_LOOKS):
            nearest = int(np.argmax(alike))
            mean = 0.8 * self._kept[nearest] + 0.2 * look
            self._kept[nearest] = mean / np.linalg.norm(mean)
            return
        self._kept.append(look)

    def likeness(self, look: np.ndarray) -> float | None:
        """Return how much a look is like the likest one that is known, up to 1.

        None where there is none to compare with.
        """
        alike = [float(look @ one) for one in self._kept if len(one) == len(look)]
        return max(alike) if alike else None
