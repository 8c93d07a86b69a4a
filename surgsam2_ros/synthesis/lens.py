# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What sits on the endoscope's window or shines into it: dirt, drops, blood and glare."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from surgsam2_ros.synthesis.noise import value_noise
from surgsam2_ros.synthesis.sprites import spread
from surgsam2_ros.synthesis.trajectories import wander


@dataclass(frozen=True, eq=False)
class Dirt:
    """Smears and drops on the window, at rest in the picture.

    Attributes:
        blurred: float32 [H, W] in 0..1, how far a pixel is out of focus behind a drop.
        veil: float32 [H, W] in 0..1, opacity of the dirt itself.
        colour: float32 RGB 0..255 of the dirt.
        strength: float [T], factor on both in each frame (dirt comes, and is wiped off).
    """

    blurred: np.ndarray
    veil: np.ndarray
    colour: np.ndarray
    strength: np.ndarray

    def apply(self, image: np.ndarray, frame: int) -> None:
        """Soil a float32 [H, W, 3] picture, in place."""
        strength = np.float32(self.strength[frame])
        if strength <= 0:
            return
        height, width = image.shape[:2]
        coarse = (max(2, width // 10), max(2, height // 10))
        soft = cv2.resize(image, coarse, interpolation=cv2.INTER_AREA)
        soft = cv2.resize(cv2.blur(soft, (3, 3)), (width, height), interpolation=cv2.INTER_LINEAR)
        image += spread(self.blurred * strength, 3) * (soft - image)
        image += spread(self.veil * strength, 3) * (self.colour - image)


@dataclass(frozen=True, eq=False)
class Glare:
    """Light that is too bright: a halo around what is bright, and a reflex of the lamp.

    Attributes:
        bloom: share of the light above `threshold` that spreads into the surroundings.
        threshold: brightness 0..255 above which light spreads.
        radius: of the spread in pixels.
        reflex: float32 [2H, 2W], light 0..255 that the reflex adds, its middle in the middle.
        path: float [T, 2], shift (x, y) of the reflex in pixels, at most half the picture.
        strength: float [T], factor on the reflex.
    """

    bloom: float
    threshold: float
    radius: float
    reflex: np.ndarray
    path: np.ndarray
    strength: np.ndarray

    def apply(self, image: np.ndarray, frame: int) -> None:
        """Add glare to a float32 [H, W, 3] picture, in place."""
        height, width = image.shape[:2]
        coarse = (max(2, width // 4), max(2, height // 4))
        bright = cv2.resize(image, coarse, interpolation=cv2.INTER_AREA)
        bright = np.clip(bright - np.float32(self.threshold), 0, None)
        side = 2 * round(self.radius / 4) + 1
        for _ in range(2):
            bright = cv2.blur(bright, (side, side))
        image += np.float32(self.bloom) * cv2.resize(bright, (width, height))
        x, y = np.round(self.path[frame]).astype(int)
        left = int(np.clip(width // 2 - x, 0, width))
        top = int(np.clip(height // 2 - y, 0, height))
        light = self.reflex[top : top + height, left : left + width]
        image += spread(light * np.float32(self.strength[frame]), 3)


def random_dirt(
    rng: np.random.Generator,
    frames: int,
    shape: tuple[int, int],
    *,
    blood: bool = False,
) -> Dirt:
    """Draw water drops and greasy smears, or splashes of blood."""
    height, width = shape
    unit = min(shape) / 256
    drops = np.zeros(shape, np.uint8)
    for _ in range(rng.integers(2, 12)):
        centre = rng.uniform(0, 16 * width), rng.uniform(0, 16 * height)
        radius = np.exp(rng.uniform(np.log(3), np.log(26))) * unit
        axes = round(16 * radius), round(16 * radius * rng.uniform(0.6, 1))
        cv2.ellipse(
            drops,
            (round(centre[0]), round(centre[1])),
            axes,
            rng.uniform(0, 180),
            0,
            360,
            int(rng.integers(140, 255)),
            -1,
            cv2.LINE_AA,
            4,
        )
    drops = cv2.GaussianBlur(drops.astype(np.float32) / 255, (0, 0), rng.uniform(0.6, 2) * unit)
    smear = value_noise(rng, shape, (int(rng.integers(2, 6)), 12))
    smear = np.clip((smear - rng.uniform(0.5, 0.75)) / 0.25, 0, 1)
    ragged = value_noise(rng, shape, (10, 24))
    strength = np.ones(frames)
    if rng.random() < 0.3:  # it arrives, or is wiped off
        arrival = np.clip((np.arange(frames) - rng.uniform(0, frames)) / rng.uniform(0.5, 3), 0, 1)
        strength = arrival if rng.random() < 0.6 else 1 - arrival
    if blood:
        veil = np.clip(drops * (0.5 + ragged), 0, 1) * rng.uniform(0.5, 0.85)
        return Dirt(
            np.clip(drops + 0.4 * smear, 0, 1),
            (veil + 0.25 * smear * (1 - veil)).astype(np.float32),
            rng.uniform((60, 2, 2), (140, 20, 22)).astype(np.float32),
            strength,
        )
    return Dirt(
        np.clip(0.9 * drops + rng.uniform(0.3, 0.9) * smear, 0, 1),
        (np.clip(drops + smear, 0, 1) * ragged * rng.uniform(0.1, 0.4)).astype(np.float32),
        rng.uniform((110, 90, 70), (210, 205, 200)).astype(np.float32),
        strength,
    )


def random_glare(rng: np.random.Generator, frames: int, shape: tuple[int, int]) -> Glare:
    """Draw a halo around bright things and a wandering reflex of the lamp."""
    height, width = shape
    unit = min(shape) / 256
    y, x = np.mgrid[: 2 * height, : 2 * width].astype(np.float32)
    angle = rng.uniform(0, np.pi)
    x, y = x - width, y - height
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    long, wide = rng.uniform(14, 60) * unit, rng.uniform(8, 26) * unit
    squared = (along / long) ** 2 + (across / wide) ** 2
    reflex = rng.uniform(120, 420) / (1 + squared) ** rng.uniform(1.5, 3)
    middle = rng.uniform(-0.4, 0.4, 2) * (width, height)
    path = [centre + wander(rng, frames, rng.uniform(2, 30) * unit) for centre in middle]
    return Glare(
        bloom=rng.uniform(0.4, 1.6),
        threshold=rng.uniform(150, 215),
        radius=rng.uniform(8, 30) * unit,
        reflex=reflex.astype(np.float32),
        path=np.clip(np.stack(path, axis=1), (-width / 2, -height / 2), (width / 2, height / 2)),
        strength=np.clip(0.8 + wander(rng, frames, rng.uniform(0, 0.8)), 0, 1.6),
    )
