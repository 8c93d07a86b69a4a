# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Machined metal: many small faces, each bright or black as the lamp happens to meet it."""

from __future__ import annotations

import cv2
import numpy as np

WINDOW_ALPHA = 0.55  # what is seen through a window still belongs to the tool
_SHIFT = 4  # fractional bits of OpenCV's drawing
_TURNS = (0.0, 90.0)  # most edges run along a part or across it


def machined_faces(
    rng: np.random.Generator, shape: tuple[int, int], width: float
) -> tuple[np.ndarray, np.ndarray]:
    """Draw faces, links and grooves, the same in two lights but for their brightness.

    Args:
        rng: source of all randomness.
        shape: (height, width) of the picture of a part that lies along the x axis.
        width: of the part in pixels.

    Returns:
        two float32 [h, w], factors of the brightness, 0.05 to 4.
    """
    height, length = shape
    one, other = np.ones(shape, np.float32), np.ones(shape, np.float32)
    per_width = rng.uniform(4, 14)
    for _ in range(1 + rng.poisson(per_width * max(length / max(width, 1), 0.5))):
        value, change = rng.normal(0, 0.9), rng.normal(0, 0.6)
        centre = (rng.uniform(0, length), height / 2 + rng.normal(0, 0.3) * width)
        sides = width * np.exp(rng.uniform(np.log(0.05), np.log((0.6, 0.3))))
        turn = float(rng.choice([*_TURNS, rng.uniform(0, 180)]))
        round_face = rng.random() < 0.3
        for light, logarithm in ((one, value), (other, value + change)):
            bright = float(np.clip(np.exp(logarithm), 0.05, 4))
            _draw(light, centre, sides, turn, bright, round_face=round_face)
    return one, other


def _draw(
    light: np.ndarray,
    centre: tuple[float, float],
    sides: np.ndarray,
    turn: float,
    value: float,
    *,
    round_face: bool,
) -> None:
    if round_face:
        place = tuple(round(v * 2**_SHIFT) for v in centre)
        axes = tuple(round(v * 2 ** (_SHIFT - 1)) for v in sides)
        cv2.ellipse(light, place, axes, turn, 0, 360, value, -1, cv2.LINE_8, _SHIFT)
        return
    corners = cv2.boxPoints((centre, tuple(float(v) for v in sides), turn))
    cv2.fillConvexPoly(light, np.round(corners * 2**_SHIFT).astype(int), value, cv2.LINE_8, _SHIFT)


def sparkles(rng: np.random.Generator, shape: tuple[int, int], width: float) -> np.ndarray:
    """Draw up to ten small reflexes of the lamp itself, to be added: float32 [h, w] up to 400."""
    height, length = shape
    light = np.zeros(shape, np.float32)
    for _ in range(rng.integers(0, 11)):
        centre = (rng.uniform(0, length), height / 2 + rng.normal(0, 0.25) * width)
        sides = width * np.exp(rng.uniform(np.log(0.03), np.log((0.5, 0.2))))
        bright = float(rng.uniform(120, 400))
        _draw(light, centre, sides, float(rng.choice(_TURNS)), bright, round_face=True)
    return cv2.GaussianBlur(light, (0, 0), max(0.02 * width, 0.5))


def window(rng: np.random.Generator, widths: np.ndarray, height: int) -> np.ndarray:
    """Cut an opening with round ends along a jaw.

    Args:
        rng: source of all randomness.
        widths: float [w] of the jaw, column by column, in pixels.
        height: h of its picture.

    Returns:
        float32 [h, w], factor of the alpha: WINDOW_ALPHA inside, 1 elsewhere.
    """
    length = len(widths)
    share = np.ones((height, length), np.float32)
    start, stop = rng.uniform(0.1, 0.35) * length, rng.uniform(0.7, 0.92) * length
    wide = 0.5 * rng.uniform(0.35, 0.65) * float(np.min(widths[round(start) : round(stop)]))
    if wide < 1 or stop - start < 4 * wide:
        return share
    ends = [(round(x), round(height / 2)) for x in (start + wide, stop - wide)]
    cv2.line(share, *ends, WINDOW_ALPHA, max(round(2 * wide), 1))
    return share
