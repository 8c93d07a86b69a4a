# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Mirrored light on wet tissue, which does not move as the tissue does."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from surgsam2_ros.synthesis.noise import value_noise


@dataclass(frozen=True, eq=False)
class Glints:
    """Reflexes of the lamp on wet tissue; they keep to the lamp more than to the tissue.

    Attributes:
        light: float32 [2H, 2W], to be added to a picture of 0..255.
        share: of the tissue's shift that they follow.
    """

    light: np.ndarray
    share: float

    def add(self, image: np.ndarray, shift: np.ndarray) -> None:
        """Brighten a float32 [H, W, 3] picture where it is not dark, in place."""
        height, width = image.shape[:2]
        span = np.array([width, height])
        x, y = np.clip(span / 2 - self.share * shift, 0, span).astype(int)
        glow = self.light[y : y + height, x : x + width]
        glow = glow * np.clip(image[..., 0] * np.float32(1 / 120), 0, 1)
        image += cv2.merge([glow] * 3)


def random_glints(rng: np.random.Generator, shape: tuple[int, int], *, wet: bool = False) -> Glints:
    """Draw small sharp reflexes in clusters for pictures of a shape (height, width).

    Those of `wet` tissue are wider, with a soft rim, and as bright as metal.
    """
    field = (2 * shape[0], 2 * shape[1])
    film = value_noise(rng, field, (int(rng.integers(20, 60)), 90), gain=0.8)
    film = film + 0.35 * value_noise(rng, field, (4, 9))
    share, rim, brightness = (
        ((0.9, 0.98), (0.08, 0.2), (200, 320)) if wet else ((0.97, 0.995), (0.02, 0.08), (60, 190))
    )
    high = np.quantile(film[::4, ::4], rng.uniform(*share))
    light = np.clip((film - high) / np.float32(rng.uniform(*rim)), 0, 1)
    return Glints(light * np.float32(rng.uniform(*brightness)), rng.uniform(0.3, 0.9))
