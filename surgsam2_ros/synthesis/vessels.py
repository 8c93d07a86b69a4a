# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Branching blood vessels, drawn into a colour map."""

from __future__ import annotations

import cv2
import numpy as np


def add_vessels(
    rng: np.random.Generator,
    albedo: np.ndarray,
    *,
    count: int,
    unit: float = 1.0,
    within: np.ndarray | None = None,
    colour: tuple[float, float, float] | None = None,
    strength: float | None = None,
    widest: float = 4.0,
    tapering: bool = False,
) -> None:
    """Draw branching vessels into a colour map, in place.

    Args:
        rng: source of all randomness.
        albedo: float32 [N, N, 3].
        count: number of trees.
        unit: pixels per pixel of a 256-pixel wide picture.
        within: float32 [N, N] coverage to keep to, or None.
        colour: RGB; a blood colour when None.
        strength: opacity 0..1; drawn when None.
        widest: width of the thickest trunk, in units.
        tapering: whether vessels grow thin and faint towards their ends.
    """
    size = len(albedo)
    cover = np.zeros((size, size), np.uint8)
    for _ in range(count):
        start = rng.uniform(0, size, 2)
        if within is not None:
            inside = np.argwhere(within[::4, ::4] > 0.5) * 4
            if len(inside):
                start = inside[rng.integers(len(inside))][::-1].astype(float)
        _grow_vessel(
            rng, cover, start, rng.uniform(0, 2 * np.pi), rng.uniform(1, widest), unit, 2, tapering
        )
    soft = cv2.GaussianBlur(cover, (0, 0), rng.uniform(0.5, 1.6) * unit)
    strength = rng.uniform(0.3, 0.9) if strength is None else strength
    weight = soft.astype(np.float32)[..., None] * np.float32(strength / 255)
    if within is not None:
        weight *= within[..., None]
    if colour is None:
        colour = (rng.uniform(60, 150), rng.uniform(5, 40), rng.uniform(10, 60))
    albedo += weight * (np.float32(colour) - albedo)


def _grow_vessel(
    rng: np.random.Generator,
    cover: np.ndarray,
    start: np.ndarray,
    angle: float,
    width: float,
    unit: float,
    generations: int,
    tapering: bool,
) -> None:
    path, angles = [start], [angle]
    for _ in range(rng.integers(5, 18)):
        angle += rng.normal(0, 0.33)
        step = np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(4, 13) * unit
        path.append(path[-1] + step)
        angles.append(angle)
    shade = int(rng.integers(90, 255))
    points = np.round(np.array(path) * 16).astype(np.int32)
    for piece, factor in _stretches(points, tapering):
        wide = max(1, round(factor * width * unit))
        cv2.polylines(cover, [piece], False, factor * shade, wide, cv2.LINE_AA, 4)
    if generations and width > 1.2:
        for _ in range(rng.integers(0, 4)):
            at = rng.integers(1, len(path))
            turn = rng.choice([-1, 1]) * rng.uniform(0.4, 1.1)
            _grow_vessel(
                rng,
                cover,
                path[at],
                angles[at] + turn,
                0.6 * width,
                unit,
                generations - 1,
                tapering,
            )


def _stretches(points: np.ndarray, tapering: bool) -> list[tuple[np.ndarray, float]]:
    """Cut a vessel into thirds with the width of each; the thick ones are drawn last."""
    if not tapering:
        return [(points, 1.0)]
    third = -(-len(points) // 3)
    factors = (1.0, 0.75, 0.5)
    pieces = [points[i * third : (i + 1) * third + 1] for i in range(3)]
    return [(piece, f) for piece, f in zip(pieces, factors, strict=True) if len(piece) > 1][::-1]
