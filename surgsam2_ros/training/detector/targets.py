# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the detector's maps should be for a labelled picture."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from surgsam2_ros.network.instrument_detector import STRIDE

_LEAST_COVERED = 0.25  # of a cell, for it to belong to an instance
_SHARPEST, _BLUNTEST = 0.8, 2.5  # deviations of the peak at a centre, in cells
_PEAK_SHARE = 0.1  # of the instance's size


class Channel(IntEnum):
    """Channels of the targets."""

    COVERAGE = 0  # share of the cell that instruments cover
    HEAT = 1  # 1 at the centre of an instance, falling off around it
    LEFT, TOP, RIGHT, BOTTOM = 2, 3, 4, 5  # from the middle of the cell to the sides, in cells
    OWNED = 6  # 1 where the cell belongs to an instance
    VALID = 7  # 0 where something is labelled that is too small to be asked for


def detector_targets(masks: np.ndarray, foreground: np.ndarray) -> np.ndarray:
    """Turn instance masks into targets.

    The centre of an instance is that of its cells which lies nearest to their mean, so that it is
    on the instrument however bent that is.

    Args:
        masks: bool [N, S, S] of the instances, N may be 0.
        foreground: bool [S, S], every labelled object, small ones too.

    Returns:
        float32 [8, S / 8, S / 8], the channels of `Channel`.
    """
    side = foreground.shape[0] // STRIDE
    targets = np.zeros((len(Channel), side, side), np.float32)
    targets[Channel.COVERAGE] = _shares(foreground)
    asked = masks.any(axis=0) if len(masks) else np.zeros_like(foreground)
    targets[Channel.VALID] = _shares(foreground & ~asked) == 0
    if not len(masks):
        return targets
    shares = np.stack([_shares(mask) for mask in masks])
    owner = np.where(shares.max(axis=0) >= _LEAST_COVERED, shares.argmax(axis=0), -1)
    middle = np.arange(side) + 0.5
    for number, mask in enumerate(masks):
        if not mask.any():
            continue
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        left, right = columns[0] / STRIDE, (columns[-1] + 1) / STRIDE
        top, bottom = rows[0] / STRIDE, (rows[-1] + 1) / STRIDE
        cells = owner == number
        if not cells.any():
            cells = shares[number] == shares[number].max()
        y, x = np.nonzero(cells)
        nearest = int(np.argmin((y - y.mean()) ** 2 + (x - x.mean()) ** 2))
        size = np.sqrt((right - left) * (bottom - top))
        deviation = float(np.clip(_PEAK_SHARE * size, _SHARPEST, _BLUNTEST))
        distance = (middle - 0.5 - y[nearest])[:, None] ** 2 + (middle - 0.5 - x[nearest]) ** 2
        heat = np.exp(-distance / (2 * deviation**2))
        targets[Channel.HEAT] = np.maximum(targets[Channel.HEAT], heat)
        own = np.stack([x + 0.5 - left, y + 0.5 - top, right - x - 0.5, bottom - y - 0.5])
        targets[Channel.LEFT : Channel.OWNED, y, x] = np.maximum(own, 0)
        targets[Channel.OWNED, y, x] = 1
    return targets


def _shares(mask: np.ndarray) -> np.ndarray:
    """Share of each cell that a mask bool [S, S] covers, float32 [S / 8, S / 8]."""
    side = mask.shape[0] // STRIDE
    return mask.reshape(side, STRIDE, side, STRIDE).mean(axis=(1, 3), dtype=np.float32)
