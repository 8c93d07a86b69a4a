# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Lays affinely placed cut-outs and their shadows over a picture and its labels."""

from __future__ import annotations

import cv2
import numpy as np

from surgsam2_ros.synthesis.optics import motion_kernel
from surgsam2_ros.synthesis.sprites import Box


def lay_over(
    image: np.ndarray,
    labels: np.ndarray,
    pixels: np.ndarray,
    matrix: np.ndarray,
    label: int,
    shadow: tuple[float, float, float, float] | None = None,
    gain: float = 1.0,
    smear: tuple[float, float] = (0.0, 0.0),
) -> None:
    """Composite a cut-out, in place; where it covers more than half of a pixel, that is its.

    Args:
        image: float32 [H, W, 3], 0..255.
        labels: uint8 [H, W].
        pixels: uint8 [h, w, 4], premultiplied.
        matrix: affine 2x3 from the cut-out to the picture.
        label: what the covered pixels are labelled.
        shadow: (strength 0..1, x, y, softness in pixels) of what it darkens, or None.
        gain: factor on its brightness.
        smear: motion blur (x, y) in pixels.
    """
    box = _box(pixels.shape[:2], matrix, labels.shape)
    if box is None:
        return
    local = matrix.copy()
    local[:, 2] -= box.x0, box.y0
    warped = cv2.warpAffine(pixels, local, (box.x1 - box.x0, box.y1 - box.y0))
    if np.hypot(*smear) >= 1.5:
        warped = cv2.filter2D(warped, -1, motion_kernel(*smear), borderType=cv2.BORDER_REPLICATE)
    alpha = warped[..., 3]
    if shadow is not None:
        _darken(image, alpha, box, *shadow)
    piece = image[box.slices]
    piece *= cv2.merge([np.float32(1) - alpha * np.float32(1 / 255)] * 3)
    piece += cv2.cvtColor(warped, cv2.COLOR_BGRA2BGR) * np.float32(gain)
    labels[box.slices][alpha > 127] = label


def _box(shape: tuple[int, int], matrix: np.ndarray, picture: tuple[int, int]) -> Box | None:
    """Box of the picture that a cut-out may touch, or None."""
    height, width = shape
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]])
    corners = corners @ matrix[:, :2].T + matrix[:, 2]
    low = np.floor(corners.min(axis=0)).astype(int) - 1
    high = np.ceil(corners.max(axis=0)).astype(int) + 2
    box = Box(max(low[0], 0), max(low[1], 0), min(high[0], picture[1]), min(high[1], picture[0]))
    return box if box.x0 < box.x1 and box.y0 < box.y1 else None


def _darken(
    image: np.ndarray,
    alpha: np.ndarray,
    box: Box,
    strength: float,
    x: float,
    y: float,
    softness: float,
) -> None:
    """Darken a picture by the soft, shifted shadow of an alpha that lies in a box, in place."""
    height, width = image.shape[:2]
    coarse = 4
    whole = np.zeros((-(-height // coarse), -(-width // coarse)), np.float32)
    shrunk = np.array(
        [[1 / coarse, 0, (box.x0 + x) / coarse], [0, 1 / coarse, (box.y0 + y) / coarse]]
    )
    softened = cv2.blur(alpha, (coarse, coarse), borderType=cv2.BORDER_CONSTANT)
    whole = cv2.warpAffine(softened, shrunk, whole.shape[::-1])
    whole = cv2.GaussianBlur(whole, (0, 0), max(softness / coarse, 0.3))
    light = cv2.LUT(whole, (1 - strength * np.arange(256) / 255).astype(np.float32))
    light = cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR)
    image *= cv2.merge([light] * 3)
