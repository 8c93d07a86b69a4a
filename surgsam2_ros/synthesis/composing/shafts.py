# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Draws the shafts of laparoscopic instruments: long shaded cylinders, black, grey or metal."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from surgsam2_ros.synthesis.noise import value_noise


@dataclass(frozen=True)
class Finish:
    """How a cylinder looks; brightness 0..1.

    Attributes:
        colour: RGB of the matt part.
        gloss: brightness of the highlight.
        sharpness: exponent that makes the highlight narrow.
        streaks: contrast of brush marks along the shaft.
    """

    colour: tuple[float, float, float]
    gloss: float
    sharpness: float
    streaks: float


def random_finish(rng: np.random.Generator) -> Finish:
    """Draw a finish: half of the shafts are black or nearly so, some metal, few coloured."""
    kind = rng.choice(4, p=[0.5, 0.2, 0.24, 0.06])
    tint = 1 + rng.normal(0, 0.04, 3)
    if kind == 0:
        base, gloss, sharpness, streaks = rng.uniform(0.03, 0.16), rng.uniform(0, 0.3), 14, 0.1
    elif kind == 1:
        base, gloss, sharpness, streaks = rng.uniform(0.16, 0.4), rng.uniform(0.05, 0.4), 10, 0.1
    elif kind == 2:
        base, gloss, sharpness, streaks = rng.uniform(0.35, 0.65), rng.uniform(0.3, 0.8), 18, 0.3
    else:
        base, gloss, sharpness, streaks = rng.uniform(0.2, 0.6), rng.uniform(0, 0.3), 10, 0.05
        tint = rng.uniform(0.35, 1.1, 3)
    colour = tuple(float(value) for value in np.clip(base * tint, 0.01, 1))
    return Finish(colour, float(gloss), sharpness * rng.uniform(0.5, 2), streaks * rng.random())


def uneven_along(rng: np.random.Generator, length: int) -> np.ndarray:
    """Draw how the light changes along a shaft: float32 [1, length] in 0..1."""
    return value_noise(rng, (2, length), (int(rng.integers(2, 8)), 14), gain=0.4)[:1]


def draw_cylinder(
    rng: np.random.Generator,
    finish: Finish,
    widths: np.ndarray,
    axis: float,
    height: int,
    light: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a cylinder along the x axis.

    Args:
        rng: source of all randomness.
        finish: its looks.
        widths: float [w], in pixels, column by column.
        axis: y of its middle.
        height: h of the picture.
        light: direction of the lamp seen along the shaft, radians from the viewer.

    Returns:
        rgb float32 [h, w, 3] 0..255 and alpha float32 [h, w] 0..1.
    """
    half = np.maximum(widths, 0.5).astype(np.float32)[None] / 2  # [1, w]
    y = np.arange(height, dtype=np.float32)[:, None] - np.float32(axis)
    across = np.clip(y / half, -1, 1)  # sine of the angle around the cylinder
    towards = np.sqrt(1 - across * across)
    facing = across * np.float32(np.sin(light)) + towards * np.float32(np.cos(light))
    facing = np.maximum(facing, 0)
    matt = np.float32(rng.uniform(0.15, 0.45)) + np.float32(rng.uniform(0.6, 1.0)) * facing
    gleam = np.float32(finish.gloss) * facing ** np.float32(finish.sharpness)
    uneven = uneven_along(rng, len(widths))
    gleam *= np.float32(0.4) + uneven
    if finish.streaks:
        lines = rng.normal(0, finish.streaks, (height, 1)).astype(np.float32)
        matt = matt * (1 + cv2.GaussianBlur(lines, (0, 0), 0.8))
    matt = matt * (np.float32(0.85) + np.float32(0.3) * uneven)
    rgb = matt[..., None] * np.float32(finish.colour) + gleam[..., None]
    return np.clip(255 * rgb, 0, 255), np.clip(half - np.abs(y) + 0.5, 0, 1)
