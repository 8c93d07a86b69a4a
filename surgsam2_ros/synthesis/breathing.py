# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tissue that moves in itself, in the rhythm of breath and heartbeat."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from surgsam2_ros.synthesis.trajectories import value_at


@dataclass(frozen=True, eq=False)
class Breathing:
    """Tissue that heaves and stretches; the instruments stay as they are.

    Attributes:
        field: float32 [n, n, 2], where tissue goes to (x, y) at the height of a breath, in pixels,
            sampled evenly over the background.
        depth: float [T], share of `field` in each frame.
    """

    field: np.ndarray
    depth: np.ndarray

    def shift(
        self, frame: float, matrix: np.ndarray, shape: tuple[int, int], side: int
    ) -> np.ndarray:
        """Shift float32 [H, W, 2] of each pixel of a picture, given its affine background map."""
        coarse = 8
        small = (-(-shape[1] // coarse), -(-shape[0] // coarse))
        to_field = matrix * ((len(self.field) - 1) / side)
        to_field[:, :2] *= coarse
        moved = cv2.warpAffine(
            self.field,
            to_field,
            small,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        moved *= np.float32(value_at(self.depth, frame))
        return cv2.resize(moved, shape[::-1], interpolation=cv2.INTER_LINEAR)


def random_breathing(rng: np.random.Generator, frames: int, unit: float) -> Breathing:
    """Let the tissue heave by a few pixels in the rhythm of breath, with a heartbeat on it."""
    cells = int(rng.integers(3, 6))
    field = rng.normal(0, 1, (cells, cells, 2)) + rng.normal(0, 1, 2)
    field = cv2.resize(field.astype(np.float32), (33, 33), interpolation=cv2.INTER_CUBIC)
    time = np.arange(frames)
    breath = np.sin(2 * np.pi * (time / rng.uniform(25, 90) + rng.random()))
    pulse = np.sin(2 * np.pi * (time / rng.uniform(8, 16) + rng.random()))
    depth = rng.uniform(1.5, 7) * unit * breath + rng.uniform(0, 0.8) * unit * pulse
    return Breathing(field, depth)
