# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Mask logits at image size, computed where a mask can be and nowhere else.

A bilinear value lies between the four it is made of, so that a pixel can exceed a threshold only
next to a logit that does.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np


class LogitBox(NamedTuple):
    """A part of the logits at image size; outside of it none exceeds the threshold.

    Attributes:
        x, y: pixel of the image where it begins.
        logits: float32 [h, w], at least one pixel.
    """

    x: int
    y: int
    logits: np.ndarray


class _Taps(NamedTuple):
    """The two inputs that each output of a bilinear axis is mixed from, and how much of each."""

    first: np.ndarray
    second: np.ndarray
    first_weight: np.ndarray
    second_weight: np.ndarray


def resize_above(
    logits: np.ndarray, image_size: tuple[int, int], threshold: float
) -> LogitBox | None:
    """Resize as `preprocess.resize_logits` does, in a box of the image that the mask lies in.

    Args:
        logits: float32 [h, w].
        image_size: (H, W).
        threshold: logit above which a pixel is on the mask.

    Returns:
        The box, with the values that the whole image would have there but for rounding; None
        where no pixel can exceed the threshold.
    """
    x, y, width, height = cv2.boundingRect((logits > threshold).view(np.uint8))
    rows = _taps(logits.shape[0], image_size[0])
    columns = _taps(logits.shape[1], image_size[1])
    top, bottom = _reached(rows, y, height)
    left, right = _reached(columns, x, width)
    if width == 0 or top == bottom or left == right:
        return None
    above = rows.first[top]
    logits = logits[above : rows.second[bottom - 1] + 1]
    wide = _mix(logits, columns, left, right, 0, axis=1)
    return LogitBox(left, top, _mix(wide, rows, top, bottom, above, axis=0))


@lru_cache(maxsize=64)
def _taps(inputs: int, outputs: int) -> _Taps:
    """Return the taps of an axis; positions are those of PyTorch with align_corners=False."""
    scale, half = np.float32(inputs) / np.float32(outputs), np.float32(0.5)
    position = np.maximum(scale * (np.arange(outputs, dtype=np.float32) + half) - half, 0)
    first = np.minimum(position.astype(np.intp), inputs - 1)
    second_weight = position - first.astype(np.float32)
    return _Taps(first, np.minimum(first + 1, inputs - 1), 1 - second_weight, second_weight)


def _reached(taps: _Taps, start: int, length: int) -> tuple[int, int]:
    """Return from where to where outputs are mixed from any of `length` inputs."""
    begin = np.searchsorted(taps.second, start, side='left')
    end = np.searchsorted(taps.first, start + length - 1, side='right')
    return int(begin), int(max(begin, end))


def _mix(
    values: np.ndarray, taps: _Taps, begin: int, end: int, origin: int, *, axis: int
) -> np.ndarray:
    """Compute the outputs `begin` to `end` along an axis whose first value is input `origin`."""
    shape = (-1, 1) if axis == 0 else (1, -1)
    mixed = values.take(taps.first[begin:end] - origin, axis=axis)
    mixed *= taps.first_weight[begin:end].reshape(shape)
    second = values.take(taps.second[begin:end] - origin, axis=axis)
    second *= taps.second_weight[begin:end].reshape(shape)
    mixed += second
    return mixed
