# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Lays a picture behind a scene: scaled, turned, breathing, without colour, with dark hollows."""

from __future__ import annotations

import cv2
import numpy as np

from surgsam2_ros.synthesis.blobs import irregular_outline
from surgsam2_ros.synthesis.breathing import random_breathing
from surgsam2_ros.synthesis.composing.paths import similarity
from surgsam2_ros.synthesis.composing.scene import Ground


def without_colour(rng: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """Take the colour away; what is bright depends on the light: white, red, near infrared."""
    weights = rng.dirichlet((2, 2, 1))
    return cv2.transform(rgb, np.tile(weights, (3, 1)))


def with_hollows(rng: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """Light tissue harshly: one to three folds and depths nearly black, the rest up to white.

    Args:
        rng: source of all randomness.
        rgb: uint8 [h, w, 3].
    """
    height, width = (max(side // 4, 8) for side in rgb.shape[:2])
    light = np.full((height, width), rng.uniform(1.0, 1.6), np.float32)
    for _ in range(rng.integers(1, 4)):
        side = max(6, round(rng.uniform(0.15, 0.6) * np.sqrt(height * width)))
        outline = irregular_outline(rng, side)
        tall = max(4, round(side * rng.uniform(0.3, 1.0)))
        matrix = similarity(
            np.array([rng.uniform(0, width), rng.uniform(0, height)]),
            rng.uniform(0, np.pi),
            1.0,
            np.array([side, tall]) / 2,
        )
        outline = cv2.resize(outline, (side, tall), interpolation=cv2.INTER_AREA)
        dark = cv2.warpAffine(outline, matrix[:2], (width, height))
        dark = cv2.GaussianBlur(dark, (0, 0), side * rng.uniform(0.03, 0.2))
        light *= 1 - np.float32(rng.uniform(0.6, 0.97)) * dark
    light = cv2.resize(light, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.convertScaleAbs(rgb * light[..., None])


def sharpened(rng: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """Raise the contrast of small structures, as cameras do that sharpen: uint8 [h, w, 3]."""
    side = float(np.sqrt(rgb.shape[0] * rgb.shape[1]))
    soft = cv2.GaussianBlur(rgb, (0, 0), side * rng.uniform(0.008, 0.05))
    amount = rng.uniform(0.5, 2.5)
    return cv2.addWeighted(rgb, 1 + amount, soft, -amount, 0)


def place_ground(
    rng: np.random.Generator,
    frames: int,
    rgb: np.ndarray,
    labels: np.ndarray | None,
    shape: tuple[float, float],
    zoom: float,
) -> Ground:
    """Scale a picture so that it covers the scene `zoom` times, and choose what of it is seen."""
    height, width = rgb.shape[:2]
    scale = zoom * max(shape[0] / height, shape[1] / width)
    if scale < 0.8:  # remapping does not average; the picture is made small before
        target = (max(8, round(width * scale)), max(8, round(height * scale)))
        rgb = cv2.resize(rgb, target, interpolation=cv2.INTER_AREA)
        if labels is not None:
            labels = cv2.resize(labels, target, interpolation=cv2.INTER_NEAREST_EXACT)
        (height, width), scale = rgb.shape[:2], 1.0
    room = np.maximum([width * scale - shape[1], height * scale - shape[0]], 0) / 2
    middle = np.array([shape[1], shape[0]]) / 2 + rng.uniform(-1, 1, 2) * room * 0.8
    turned = rng.normal(0, 0.12) if labels is not None else rng.uniform(-0.5, 0.5)
    breathing = None
    if rng.random() < 0.6:
        strength = np.exp(rng.uniform(np.log(0.3), np.log(2.5)))
        breathing = random_breathing(rng, frames, strength * max(shape) / 256 / scale)
    matrix = similarity(middle, turned, scale, np.array([width, height]) / 2)
    return Ground(rgb, labels, matrix, breathing)
