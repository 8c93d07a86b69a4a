# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How well one object was followed through a clip: masks, outlines, presence, identity, returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from surgsam2_ros.evaluation.metrics.boundary import boundary_f_measure
from surgsam2_ros.evaluation.metrics.overlap import jaccard
from surgsam2_ros.evaluation.metrics.presence import TAKEN_UP, return_delays

RETURNED = 0.001  # share of the picture from which an object counts as returned


@dataclass(frozen=True)
class ClipScore:
    """Scores of one object over the frames after the prompted one.

    Attributes:
        overlap: mean J in [0, 1].
        boundary: mean F in [0, 1].
        presence: share of the frames in which a mask is there exactly when the object is.
        swapped: number of frames in which the track lies on another object of the truth.
        returns: for every return of the object, the number of frames until the track is on it
            again; None where it does not before the object leaves once more or the clip ends.
    """

    overlap: float
    boundary: float
    presence: float
    swapped: int
    returns: tuple[int | None, ...]


def score_clip(
    predicted: Sequence[np.ndarray], truth: Sequence[np.ndarray], value: int
) -> ClipScore:
    """Compare the track of an object with the truth, leaving out the first, prompted frame.

    Args:
        predicted, truth: uint8 [H, W] label images of every frame, in which the object has the
            same value.
        value: of the object.

    Raises:
        ValueError: when the numbers of frames differ or there are fewer than two.
    """
    if len(predicted) != len(truth) or len(truth) < 2:
        raise ValueError(
            f'{len(predicted)} predicted and {len(truth)} true label images; '
            'expected as many, and at least two'
        )
    masks = [labels == value for labels in predicted]
    true_masks = [labels == value for labels in truth]
    overlaps = [jaccard(*pair) for pair in zip(masks, true_masks, strict=True)]
    boundaries = [boundary_f_measure(*pair) for pair in zip(masks[1:], true_masks[1:], strict=True)]
    right = [m.any() == t.any() for m, t in zip(masks[1:], true_masks[1:], strict=True)]
    swapped = [_on_another(m, t, value) for m, t in zip(masks[1:], truth[1:], strict=True)]
    return ClipScore(
        overlap=float(np.mean(overlaps[1:])),
        boundary=float(np.mean(boundaries)),
        presence=float(np.mean(right)),
        swapped=sum(swapped),
        returns=returns([float(mask.mean()) for mask in true_masks], overlaps),
    )


def returns(areas: Sequence[float], overlaps: Sequence[float]) -> tuple[int | None, ...]:
    """Count the frames from every return of an object to the first in which a track is on it.

    Args:
        areas: share of the picture that the object truly covers, by frame.
        overlaps: IoU of the track, by frame.

    Returns:
        one entry per return; 0 when it is taken up in the frame in which it returned, None when
        it is not before it leaves again or the clip ends.
    """
    visible = [None if 0 < area < RETURNED else area > 0 for area in areas]
    return return_delays(visible, [overlap >= TAKEN_UP for overlap in overlaps])


def _on_another(mask: np.ndarray, truth: np.ndarray, value: int) -> bool:
    """Whether a mask lies on an object of the truth other than `value`."""
    others = set(map(int, np.unique(truth[mask]))) - {0, 255, value}
    return any(jaccard(mask, truth == other) >= TAKEN_UP for other in others)
