# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tells label images that lie on their objects from ones that are shifted or of another picture."""

from __future__ import annotations

import cv2
import numpy as np

_SHIFTS = ((0.09, 0.0), (-0.09, 0.0), (0.0, 0.09), (0.0, -0.09), (0.15, 0.15), (-0.15, 0.15))
_MARGIN = 1.4  # how much clearer an outline must be than its shifted copies are in the mean
_LONGEST = 256


def mask_fits(rgb: np.ndarray, labels: np.ndarray) -> bool:
    """Tell whether outlines of labels follow edges of the picture.

    The picture changes more across true outlines than across the same outlines moved by 9 to 21 %
    of its sides.

    Args:
        rgb: uint8 [H, W, 3], any size with the labels' aspect ratio.
        labels: uint8 [h, w].
    """
    return outline_contrast(rgb, labels) >= _MARGIN


def outline_contrast(rgb: np.ndarray, labels: np.ndarray) -> float:
    """Mean edge strength on the outlines by that on their shifted copies; 0 without outlines."""
    scale = _LONGEST / max(labels.shape)
    size = (max(8, round(labels.shape[1] * scale)), max(8, round(labels.shape[0] * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    ids = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)
    small = cv2.GaussianBlur(small, (0, 0), 1.0)
    kernel = np.ones((3, 3), np.uint8)
    edges = cv2.morphologyEx(small, cv2.MORPH_GRADIENT, kernel).max(axis=2)
    edges = cv2.dilate(
        np.minimum(edges, 60), kernel
    )  # polygons are a pixel off; few edges decide nothing
    rows, columns = np.nonzero(cv2.morphologyEx(ids, cv2.MORPH_GRADIENT, kernel))
    inner = (rows > 2) & (rows < size[1] - 3) & (columns > 2) & (columns < size[0] - 3)
    rows, columns = rows[inner], columns[inner]
    if len(rows) < 8:
        return 0.0
    on = edges[rows, columns].mean()
    beside = []
    for x, y in _SHIFTS:
        r, c = rows + round(y * size[1]), columns + round(x * size[0])
        seen = (r >= 0) & (r < size[1]) & (c >= 0) & (c < size[0])
        if seen.sum() > 0.3 * len(rows):
            beside.append(edges[r[seen], c[seen]].mean())
    return float(on / max(np.mean(beside), 1.0)) if beside else 2.0
