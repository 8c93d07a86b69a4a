# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Smooth random fields and reusable sensor grain, the raw material of tissue, smoke and noise."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np


def value_noise(
    rng: np.random.Generator, shape: tuple[int, int], cells: Sequence[int], gain: float = 0.6
) -> np.ndarray:
    """Sum smoothly interpolated random grids, from coarse to fine.

    Args:
        rng: source of all randomness.
        shape: (height, width) of the field in pixels.
        cells: grid cells across the width, one entry per octave.
        gain: weight of each octave relative to the one before.

    Returns:
        float32 [H, W], stretched to exactly [0, 1].
    """
    height, width = shape
    # Octaves are summed on a coarser canvas where that still resolves the finest cells.
    shrink = next((n for n in (4, 2) if max(cells) * 4 * n <= min(shape)), 1)
    canvas = (-(-width // shrink), -(-height // shrink))
    total = np.zeros(canvas[::-1], np.float32)
    for octave, across in enumerate(cells):
        down = max(2, round(across * height / width) + 1)
        grid = rng.random((down, max(2, int(across) + 1)), dtype=np.float32)
        grid = cv2.resize(grid, canvas, interpolation=cv2.INTER_CUBIC)
        total += np.float32(gain**octave) * grid
    if shrink > 1:
        total = cv2.resize(total, (width, height), interpolation=cv2.INTER_CUBIC)
    total -= total.min()
    total /= total.max()
    return total


@lru_cache(maxsize=4)
def _grain_field(height: int, width: int, softness: float) -> np.ndarray:
    field = np.random.default_rng(0).standard_normal((height, width, 3), dtype=np.float32)
    if softness > 0:
        field = cv2.GaussianBlur(field, (0, 0), softness)
        field /= field.std()
    field.setflags(write=False)
    return field


GRAIN_OFFSETS = 96


def sensor_grain(
    shape: tuple[int, int], offset: Sequence[int], softness: float = 0.0
) -> np.ndarray:
    """Unit-variance colour grain, cut at an offset from a field that is computed once.

    Args:
        shape: (height, width) in pixels.
        offset: (row, column), each in [0, GRAIN_OFFSETS); a new one per frame makes it flicker.
        softness: blur in pixels, for the coarse grain of debayered and rescaled video.

    Returns:
        float32 [H, W, 3], read-only.
    """
    height, width = shape
    field = _grain_field(height + GRAIN_OFFSETS, width + GRAIN_OFFSETS, softness)
    row, column = offset
    return field[row : row + height, column : column + width]
