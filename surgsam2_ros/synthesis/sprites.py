# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Textured cut-outs (sprites) and how they are laid over one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np


class Box(NamedTuple):
    """Half-open pixel ranges [x0, x1) and [y0, y1)."""

    x0: int
    y0: int
    x1: int
    y1: int

    def union(self, other: Box) -> Box:
        """Smallest box around both."""
        return Box(
            min(self.x0, other.x0),
            min(self.y0, other.y0),
            max(self.x1, other.x1),
            max(self.y1, other.y1),
        )

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices of an image."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)


@dataclass(frozen=True, eq=False)
class Sprite:
    """A flat piece of an object with soft edges.

    Attributes:
        pixels: float32 [h, w, 4], colour 0..255 premultiplied by alpha, and alpha 0..1.
        anchor: (x, y) in sprite pixels, whose centres are integers, that a position refers to.
        resolution: sprite pixels per scene pixel.
    """

    pixels: np.ndarray
    anchor: tuple[float, float]
    resolution: float = 1.0


class Placement(NamedTuple):
    """A sprite in the scene: anchor position in pixels, angle in radians (x towards y), scale."""

    sprite: Sprite
    x: float
    y: float
    angle: float
    scale: float = 1.0


def place(layer: np.ndarray, placement: Placement) -> Box | None:
    """Lay a sprite over a layer, in place.

    Args:
        layer: float32 [H, W, 4], premultiplied.
        placement: the sprite and its pose in layer coordinates.

    Returns:
        the box that may have changed, or None when the sprite lies outside the layer.
    """
    sprite = placement.sprite
    height, width = sprite.pixels.shape[:2]
    scale = placement.scale / sprite.resolution
    cos, sin = np.cos(placement.angle) * scale, np.sin(placement.angle) * scale
    anchor_x, anchor_y = sprite.anchor
    matrix = np.array(
        [
            [cos, -sin, placement.x - cos * anchor_x + sin * anchor_y],
            [sin, cos, placement.y - sin * anchor_x - cos * anchor_y],
        ]
    )
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]])
    corners = corners @ matrix[:, :2].T + matrix[:, 2]
    low = np.floor(corners.min(axis=0)).astype(int) - 1
    high = np.ceil(corners.max(axis=0)).astype(int) + 2
    box = Box(
        max(low[0], 0), max(low[1], 0), min(high[0], layer.shape[1]), min(high[1], layer.shape[0])
    )
    if box.x0 >= box.x1 or box.y0 >= box.y1:
        return None
    matrix[:, 2] -= box.x0, box.y0
    warped = cv2.warpAffine(sprite.pixels, matrix, (box.x1 - box.x0, box.y1 - box.y0))
    blend_over(layer[box.slices], warped)
    return box


def blend_over(below: np.ndarray, above: np.ndarray) -> None:
    """Composite premultiplied `above` [h, w, 4] over `below` [h, w, 3 or 4], in place."""
    channels = below.shape[2]
    below *= spread(1 - above[..., 3], channels)
    below += above if channels == 4 else cv2.cvtColor(above, cv2.COLOR_BGRA2BGR)


def spread(plane: np.ndarray, channels: int) -> np.ndarray:
    """Copy a plane [h, w] into `channels` channels; cheaper in products than broadcasting."""
    return cv2.merge([plane] * channels)
