# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The lit view of an endoscope: where its surroundings are black, the network is not shown them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_CELLS = 160  # an image is looked at on a grid whose shorter side has at least as many pixels
_LIT = 16  # brightest channel above which a pixel is lit
_BLACKEST = 5.0  # mean of what counts as black surroundings
_FOUND_IN = 0.03  # share of a row or column that is lit where the view reaches it
_LEAST_SIDE, _MOST_AREA = 0.4, 0.92  # shares of the image: smaller is no view, larger not worth it
_LEAST_LIT = 0.55  # share of the view's box; a disc has 0.79
_MARGIN = 0.01  # of the sides of the image


class Region(NamedTuple):
    """A rectangle of an image.

    Attributes:
        image_size: (H, W) of the image.
        x, y, width, height: in its pixels.
    """

    image_size: tuple[int, int]
    x: int
    y: int
    width: int
    height: int

    @staticmethod
    def whole(image_size: tuple[int, int]) -> Region:
        """Return all of an image of size (H, W)."""
        return Region(tuple(image_size), 0, 0, image_size[1], image_size[0])

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole image."""
        return (self.height, self.width) == self.image_size

    @property
    def size(self) -> tuple[int, int]:
        """Its (height, width)."""
        return self.height, self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and columns."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    def scaled(self, image_size: tuple[int, int]) -> tuple[float, float, float, float]:
        """Return (x, y, width, height) in the pixels of the same image at another size (H, W)."""
        down, across = (new / old for new, old in zip(image_size, self.image_size, strict=True))
        return self.x * across, self.y * down, self.width * across, self.height * down

    def joined(self, other: Region) -> Region:
        """Return the smallest region that holds this one and another of the same image."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        right = max(self.x + self.width, other.x + other.width)
        bottom = max(self.y + self.height, other.y + other.height)
        return Region(self.image_size, x, y, right - x, bottom - y)

    def widened(self, share: float) -> Region:
        """Return it with a margin on all sides, a share of the image's sides."""
        height, width = self.image_size
        across, down = round(share * width), round(share * height)
        x, y = max(self.x - across, 0), max(self.y - down, 0)
        right = min(self.x + self.width + across, width)
        bottom = min(self.y + self.height + down, height)
        return Region(self.image_size, x, y, right - x, bottom - y)


def find_view(rgb: np.ndarray) -> Region | None:
    """Find the box of the lit view in an image whose surroundings are black.

    Text beside the view may be taken for a part of it, which does no harm.

    Args:
        rgb: uint8 [H, W, 3].

    Returns:
        The box; the whole image where no view stands out or nearly all is lit; None where the
        image is too dark to tell.
    """
    size = rgb.shape[:2]
    step = max(1, min(size) // _CELLS)
    brightest = rgb[::step, ::step].max(axis=2)
    lit = brightest > _LIT
    if lit.mean() < 0.1:
        return None
    whole = Region.whole(size)
    rows = np.flatnonzero(lit.mean(axis=1) > _FOUND_IN)
    columns = np.flatnonzero(lit.mean(axis=0) > _FOUND_IN)
    inside = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    shares = [part.stop - part.start for part in inside] / np.array(lit.shape)
    if shares.min() < _LEAST_SIDE or shares.prod() > _MOST_AREA or lit[inside].mean() < _LEAST_LIT:
        return whole
    outside = np.ones_like(lit)
    outside[inside] = False
    if brightest[outside].mean() > _BLACKEST:
        return whole
    y, x = (step * int(part.start) for part in inside)
    ends = (step * int(part.stop) for part in inside)
    bottom, right = (min(end, side) for end, side in zip(ends, size, strict=True))
    return Region(size, x, y, right - x, bottom - y)


class ViewFinder:
    """Keeps to the view that the first images show, and widens it when something is lit beyond.

    It never becomes smaller, so that what is tracked does not jump. What is left out is black, or
    as little as a word.

    Args:
        on: False takes the whole of every image.

    Attributes:
        known: the view that was found; None before.
    """

    def __init__(self, on: bool) -> None:
        self._on = on
        self.known: Region | None = None

    def reset(self) -> None:
        """Forget what the images showed."""
        self.known = None

    def region(self, rgb: np.ndarray) -> Region:
        """Tell what of an image, uint8 [H, W, 3], the network is to see."""
        size = rgb.shape[:2]
        known = self.known
        if not self._on:
            return Region.whole(size)
        if known is not None and known.image_size != size:
            known = None
        if known is None or not known.is_whole:
            known = self._widened(known, find_view(rgb))
            self.known = known
        return Region.whole(size) if known is None else known

    @staticmethod
    def _widened(known: Region | None, found: Region | None) -> Region | None:
        if found is None:
            return known
        if known is None:
            return found.widened(_MARGIN)
        joined = known.joined(found)
        return known if joined == known else joined.widened(_MARGIN)
