# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Agreement of the outlines of a tracked mask and a truth."""

from __future__ import annotations

import math

import cv2
import numpy as np

from surgsam2_ros.evaluation.metrics.overlap import check_same_size


def boundary_f_measure(predicted: np.ndarray, truth: np.ndarray, tolerance: float = 0.008) -> float:
    """Contour accuracy F of the DAVIS benchmark (Perazzi et al., CVPR 2016, section 3.1).

    A boundary pixel is matched when the other mask has one within the tolerance; F is the harmonic
    mean of the matched shares of both boundaries (precision and recall).

    Args:
        predicted, truth: bool [H, W].
        tolerance: matching distance as a fraction of the image diagonal, rounded up to whole
            pixels; from 1 on it is a number of pixels.

    Returns:
        F in [0, 1]; 1.0 when neither mask has a boundary, 0.0 when only one has.

    Raises:
        ValueError: when the shapes differ.
    """
    check_same_size(predicted, truth)
    radius = math.ceil(tolerance * math.hypot(*truth.shape)) if tolerance < 1 else int(tolerance)
    around = _around(predicted | truth)  # beyond it there are no outlines to match
    outline, true_outline = mask_boundary(predicted[around]), mask_boundary(truth[around])
    count, true_count = np.count_nonzero(outline), np.count_nonzero(true_outline)
    if not count or not true_count:
        return float(count == true_count)
    precision = np.count_nonzero(outline & _grow(true_outline, radius)) / count
    recall = np.count_nonzero(true_outline & _grow(outline, radius)) / true_count
    total = precision + recall
    return 2.0 * precision * recall / total if total else 0.0


def mask_boundary(mask: np.ndarray) -> np.ndarray:
    """Mark the pixels that differ from their right, lower or lower right neighbour.

    The boundary is one pixel wide and lies half a pixel up and left of the true outline, as in
    the benchmark. Beyond the frame a mask goes on as it is, so its border is no boundary.

    Args:
        mask: bool [H, W].

    Returns:
        bool [H, W].
    """
    beyond = np.pad(mask, ((0, 1), (0, 1)), mode='edge')
    return (mask != beyond[:-1, 1:]) | (mask != beyond[1:, :-1]) | (mask != beyond[1:, 1:])


def _around(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of a mask bool [H, W] and of the pixels next to it."""
    x, y, width, height = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    return slice(max(y - 1, 0), y + height + 1), slice(max(x - 1, 0), x + width + 1)


def _grow(mask: np.ndarray, radius: int) -> np.ndarray:
    """Set every pixel within `radius` pixels, by Euclidean distance, of a set one."""
    offsets = np.arange(-radius, radius + 1)
    disk = (offsets[:, None] ** 2 + offsets**2 <= radius**2).astype(np.uint8)
    return cv2.dilate(mask.astype(np.uint8), disk).astype(bool)
