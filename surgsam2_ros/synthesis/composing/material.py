# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The real pictures that clips are composed of, and what of a picture shows tissue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True, eq=False)
class Cutout:
    """A real tool, cut out of a photograph.

    Attributes:
        rgb: uint8 [h, w, 3].
        alpha: uint8 [h, w], 255 where the tool is.
        has_shaft: whether it is cut off at the border of its picture, shaft and all, rather than
            at a handle.
    """

    rgb: np.ndarray
    alpha: np.ndarray
    has_shaft: bool = False


@dataclass(frozen=True, eq=False)
class Tissue:
    """A real view without instruments.

    Attributes:
        rgb: uint8 [h, w, 3]; black surroundings of a round view are cut off when it is used.
    """

    rgb: np.ndarray


@dataclass(frozen=True, eq=False)
class Material:
    """What to choose from; the sequences may read a picture when it is asked for.

    Attributes:
        cutouts: at least one, unless no tool is wanted.
        tissues: at least one.
        pieces: share of the objects that are no tools but pieces of other tissue, irregularly
            cut and freely coloured: whatever has an outline and moves can be followed.
        articulated: share of the tools that are large, with a wrist and jaws that move.
        grey: share of the scenes without colour.
        hollows: share of the scenes whose tissue has regions that no light reaches.
        machined: share of the articulated tools whose metal has small faces that sparkle.
        speckled: share of the scenes whose tissue is sharp, noisy and full of small reflexes.
        leaving: share of the tools that are drawn out of the picture for a while.
        alike: share of the scenes whose tools are one and the same tool several times.
    """

    cutouts: Sequence[Cutout]
    tissues: Sequence[Tissue]
    pieces: float = 0.0
    articulated: float = 0.0
    grey: float = 0.25
    hollows: float = 0.0
    machined: float = 0.0
    speckled: float = 0.0
    leaving: float = 0.14
    alike: float = 0.35


def view_box(rgb: np.ndarray) -> tuple[slice, slice]:
    """Find the largest upright rectangle inside the lit view of an endoscopic picture.

    Args:
        rgb: uint8 [H, W, 3], with or without a black frame, text and logos beside the view.

    Returns:
        rows and columns; the whole picture where no view stands out.
    """
    height, width = rgb.shape[:2]
    cells = 48
    small = cv2.resize(rgb, (cells, cells), interpolation=cv2.INTER_AREA)
    red = small[..., 0]  # tissue is never without red; frames are black, grey or blue and green
    lit = ((red > 34) & (red >= small[..., 1:].max(axis=2) - 8)).astype(np.uint8)
    lit = cv2.morphologyEx(lit, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    outlines = cv2.findContours(lit, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    if not outlines:
        return slice(0, height), slice(0, width)
    hull = cv2.convexHull(max(outlines, key=cv2.contourArea))
    view = cv2.fillConvexPoly(np.zeros_like(lit), hull, 1)
    if view.mean() < 0.15:
        return slice(0, height), slice(0, width)
    top, bottom, left, right = _largest_rectangle(view)
    return (
        slice(round(top * height / cells), round(bottom * height / cells)),
        slice(round(left * width / cells), round(right * width / cells)),
    )


def _largest_rectangle(view: np.ndarray) -> tuple[int, int, int, int]:
    """Find rows [top, bottom) and columns [left, right) of a convex view."""
    rows, columns = view.shape
    first = np.where(view.any(axis=1), view.argmax(axis=1), columns)
    last = np.where(view.any(axis=1), columns - view[:, ::-1].argmax(axis=1), 0)
    best, found = 0, (0, rows, 0, columns)
    for top in range(rows):
        lefts = np.maximum.accumulate(first[top:])
        rights = np.minimum.accumulate(last[top:])
        areas = np.maximum(rights - lefts, 0) * np.arange(1, rows - top + 1)
        row = int(areas.argmax())
        if areas[row] > best:
            best = int(areas[row])
            found = (top, top + row + 1, int(lefts[row]), int(rights[row]))
    return found
