# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Soft objects of irregular shape: things that are no instruments, and tissue in front of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from surgsam2_ros.synthesis.noise import value_noise
from surgsam2_ros.synthesis.sprites import Placement, Sprite
from surgsam2_ros.synthesis.trajectories import value_at, wander


@dataclass(frozen=True, eq=False)
class Blob:
    """A drifting, turning patch.

    Attributes:
        sprite: looks, anchored at its centre.
        path: float [T, 2], centre (x, y) in pixels.
        angle, scale: float [T].
        label: value in the label image, 0 for an unlabelled distractor.
        casts_shadow: whether it stands out from what is behind it.
        lies_on_ground: whether it moves with the background.
    """

    sprite: Sprite
    path: np.ndarray
    angle: np.ndarray
    scale: np.ndarray
    label: int
    casts_shadow: bool = True
    lies_on_ground: bool = False

    def gain(self, frame: float) -> float:
        """Brightness, always 1."""
        del frame
        return 1.0

    def placements(self, frame: float) -> Iterator[Placement]:
        """Yield the only part."""
        scale = max(0.4, float(value_at(self.scale, frame)))
        angle = float(value_at(self.angle, frame))
        yield Placement(self.sprite, *value_at(self.path, frame), angle, scale)


def irregular_outline(rng: np.random.Generator, side: int) -> np.ndarray:
    """Draw a rounded random shape, alpha float32 [side, side] in 0..1."""
    corners = int(rng.integers(4, 9))
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    radii = (side / 2 - 2) * rng.uniform(0.5, 1, corners)
    around = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radius = np.interp(around, angles, radii, period=2 * np.pi)
    points = side / 2 + np.stack([radius * np.cos(around), radius * np.sin(around)], axis=1)
    alpha = np.zeros((side, side), np.uint8)
    cv2.fillPoly(alpha, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return alpha.astype(np.float32) / 255


def shaped_sprite(colour: np.ndarray, alpha: np.ndarray) -> Sprite:
    """Cut a colour patch float32 [h, w, 3] to an alpha [h, w]; the anchor is its centre."""
    rows, columns = alpha.shape
    pixels = np.dstack([np.clip(colour, 0, 255) * alpha[..., None], alpha]).astype(np.float32)
    return Sprite(pixels, (columns / 2, rows / 2))


def random_blob(
    rng: np.random.Generator,
    frames: int,
    size: int,
    colour: np.ndarray,
    label: int,
) -> Blob:
    """Draw a patch of a colour with its motion over a picture of `size` pixels."""
    unit = size / 256
    side = round(rng.uniform(28, 95) * unit)
    alpha = irregular_outline(rng, side)
    texture = 0.5 + 0.8 * value_noise(rng, (side, side), (3, 8, 16))
    sprite = shaped_sprite(texture[..., None] * np.float32(colour), alpha)
    return _drifting(rng, frames, size, sprite, label)


def random_cover(rng: np.random.Generator, frames: int, size: int, background: np.ndarray) -> Blob:
    """Cut a piece of the background [N, N, 3] that moves in front of the instruments."""
    side = round(rng.uniform(40, 120) * size / 256)
    row, column = rng.integers(0, len(background) - side, 2)
    patch = background[row : row + side, column : column + side]
    sprite = shaped_sprite(patch, irregular_outline(rng, side))
    return _drifting(rng, frames, size, sprite, label=0)


def random_pool(rng: np.random.Generator, frames: int, size: int) -> Blob:
    """Draw a pool of blood that lies on the tissue, glistens, and may well up."""
    unit = size / 256
    side = round(rng.uniform(45, 150) * unit)
    field = value_noise(rng, (side, side), (3, 6, 12), gain=0.45)
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    field += 0.9 - np.hypot(*np.meshgrid(axis, axis)) * rng.uniform(1.2, 1.7)
    alpha = np.clip((field - 0.45) / rng.uniform(0.06, 0.3), 0, 1)
    alpha[[0, 1, -2, -1]] = alpha[:, [0, 1, -2, -1]] = 0
    depth = np.clip(field - 0.45, 0, 0.8)[..., None]
    colour = rng.uniform((115, 6, 8), (175, 22, 24)).astype(np.float32) * (1.1 - 0.75 * depth)
    film = value_noise(rng, (side, side), (6, 16))
    glint = np.clip((film - rng.uniform(0.8, 0.92)) / 0.06, 0, 1)[..., None] * rng.uniform(0, 0.9)
    colour += glint * (235 - colour)
    pool = _drifting(rng, frames, size, shaped_sprite(colour, alpha * rng.uniform(0.7, 1)), 0)
    grown = np.linspace(rng.uniform(0.4, 1), 1, frames) if rng.random() < 0.6 else np.ones(frames)
    return replace(
        pool,
        path=np.broadcast_to(pool.path[0], pool.path.shape),
        angle=np.full(frames, rng.uniform(0, 2 * np.pi)),
        scale=grown,
        lies_on_ground=True,
    )


def _drifting(rng: np.random.Generator, frames: int, size: int, sprite: Sprite, label: int) -> Blob:
    unit, speed = size / 256, np.exp(rng.normal(0, 0.5))
    path = [
        size * rng.uniform(0.15, 0.85) + wander(rng, frames, rng.uniform(5, 50) * unit, speed)
        for _ in 'xy'
    ]
    return Blob(
        sprite=sprite,
        path=np.stack(path, axis=1),
        angle=wander(rng, frames, rng.uniform(0, 1)),
        scale=1 + wander(rng, frames, 0.15),
        label=label,
        casts_shadow=bool(label),
    )
