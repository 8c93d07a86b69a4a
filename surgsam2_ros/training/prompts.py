# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Prompts as people give them, from true masks: masks, loose boxes, clicks and corrections."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np

POSITIVE, NEGATIVE, BOX_TOP_LEFT, BOX_BOTTOM_RIGHT, PADDING = 1, 0, 2, 3, -1


class PromptKind(Enum):
    """What the first frame of a clip is prompted with."""

    MASK = 'mask'
    BOX = 'box'
    POINT = 'point'


@dataclass(frozen=True, eq=False)
class PromptBatch:
    """The prompt of every object of a clip on its first frame.

    Attributes:
        kind: of all objects alike, so that they decode in one batch.
        points: float32 [N, P, 2], pixels (x, y); None for masks.
        labels: int64 [N, P] with the values of SAM 2 (1, 0, 2 and 3 for box corners, -1 padding).
    """

    kind: PromptKind
    points: np.ndarray | None = None
    labels: np.ndarray | None = None


def simulate_prompts(masks: np.ndarray, kind: PromptKind, rng: np.random.Generator) -> PromptBatch:
    """Draw a prompt for every mask.

    Args:
        masks: bool [N, H, W], none of them empty.

    Raises:
        ValueError: when a mask is empty.
    """
    if not masks.reshape(len(masks), -1).any(axis=1).all():
        raise ValueError('cannot prompt an object that is not in the frame; choose visible objects')
    if kind is PromptKind.MASK:
        return PromptBatch(kind)
    if kind is PromptKind.BOX:
        points = np.stack([loose_box(mask, rng) for mask in masks])
        labels = np.tile(np.array([BOX_TOP_LEFT, BOX_BOTTOM_RIGHT]), (len(masks), 1))
        return PromptBatch(kind, points, labels)
    count = 1 if rng.random() < 0.6 else int(rng.integers(2, 6))
    points = np.stack([[click(mask, rng) for _ in range(count)] for mask in masks])
    labels = np.full((len(masks), count), POSITIVE, np.int64)
    return PromptBatch(kind, points.astype(np.float32), labels)


def loose_box(mask: np.ndarray, rng: np.random.Generator, slack: float = 0.08) -> np.ndarray:
    """Draw the corners of a box around a mask, each side off by some per cent of its length.

    Args:
        mask: bool [H, W], not empty.
        slack: standard deviation of an offset as a fraction of the side; at most 20 px.

    Returns:
        float32 [2, 2]: (x0, y0), (x1, y1), within the frame.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    corners = np.array([[columns[0], rows[0]], [columns[-1], rows[-1]]], np.float32)
    size = corners[1] - corners[0] + 1
    corners += np.clip(rng.normal(0.0, slack, (2, 2)) * size, -20, 20)
    limit = np.array([mask.shape[1] - 1, mask.shape[0] - 1])
    corners = np.clip(corners, 0, limit)
    return np.sort(corners, axis=0).astype(np.float32)


def click(region: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a pixel of a region: half of the clicks aim at its thickest place, half anywhere.

    Args:
        region: bool [H, W], not empty.

    Returns:
        float32 [2], (x, y).
    """
    if rng.random() < 0.5:
        padded = np.pad(region.astype(np.uint8), 1)
        depth = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
        candidates = np.argwhere(depth >= 0.8 * depth.max())
    else:
        candidates = np.argwhere(region)
    row, column = candidates[rng.integers(len(candidates))]
    return np.array([column, row], np.float32)


def add_corrections(
    prompts: PromptBatch, predicted: np.ndarray, truth: np.ndarray, rng: np.random.Generator
) -> PromptBatch:
    """Add a click per object where the prediction is wrong: positive on a miss, else negative.

    An object without errors gets a padding point.

    Args:
        prompts: boxes or points.
        predicted, truth: bool [N, H, W].
    """
    points, labels = [], []
    for guess, actual in zip(predicted, truth, strict=True):
        missed, leaked = actual & ~guess, guess & ~actual
        wrong = missed | leaked
        if not wrong.any():
            points.append(np.zeros(2, np.float32))
            labels.append(PADDING)
            continue
        region = missed if rng.random() * wrong.sum() < missed.sum() else leaked
        points.append(click(region, rng))
        labels.append(POSITIVE if region is missed else NEGATIVE)
    return PromptBatch(
        prompts.kind,
        np.concatenate([prompts.points, np.stack(points)[:, None]], axis=1),
        np.concatenate([prompts.labels, np.array(labels, np.int64)[:, None]], axis=1),
    )


def corrupt_mask(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Damage a mask as drift does: a piece lost, grown, shrunk, or with a blob not its own.

    Args:
        mask: bool [H, W].

    Returns:
        bool [H, W]; may be empty.
    """
    damaged = mask.astype(np.uint8)
    size = max(3, int(np.sqrt(max(mask.sum(), 1.0))))
    kind = rng.integers(4)
    if kind == 0 and mask.any():
        _stamp(damaged, np.argwhere(mask)[rng.integers(mask.sum())], size, 0, rng)
    elif kind in (1, 2):
        width = int(rng.integers(1, max(2, size // 6) + 1)) * 2 + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
        damaged = (cv2.dilate if kind == 1 else cv2.erode)(damaged, kernel)
    else:
        _stamp(damaged, rng.integers(0, mask.shape), size, 1, rng)
    return damaged.astype(bool)


def _stamp(mask: np.ndarray, centre: np.ndarray, size: int, value: int, rng: np.random.Generator):
    """Paint a random ellipse, its axes a fraction of `size` px, into a uint8 mask."""
    axes = [int(max(2, a)) for a in rng.uniform(0.25, 0.8, 2) * size]
    row, column = (int(c) for c in centre)
    cv2.ellipse(mask, (column, row), axes, float(rng.uniform(0, 180)), 0, 360, value, -1)
