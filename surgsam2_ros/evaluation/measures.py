# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The measures of a mask in a frame: the one list that records, scores, tables and pages go by.

A measure that is added here is recorded, averaged, compared, tabulated and explained everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from surgsam2_ros.evaluation.metrics.boundary import boundary_f_measure
from surgsam2_ros.evaluation.metrics.overlap import dice, jaccard


@dataclass(frozen=True)
class FrameMeasure:
    """A measure of a predicted mask against the true one.

    Attributes:
        key: its name in summary.json and in the heads of tables.
        field: its name in records.
        title: its name on pages.
        meaning: what it is, for a reader who has not met it.
        compute: takes the predicted and the true mask, bool [H, W]; the larger the better.
    """

    key: str
    field: str
    title: str
    meaning: str
    compute: Callable[[np.ndarray, np.ndarray], float]


FRAME_MEASURES = (
    FrameMeasure(
        'J',
        'iou',
        'J, region',
        'Intersection over union of the predicted and the true mask; 1 when both are empty, 0 when '
        'one is (DAVIS, Perazzi et al., CVPR 2016).',
        jaccard,
    ),
    FrameMeasure(
        'F',
        'boundary',
        'F, contour',
        'Harmonic mean of the shares of the two outlines that lie within 0.8 % of the image '
        'diagonal of each other (the same paper).',
        boundary_f_measure,
    ),
    FrameMeasure('Dice', 'dice', 'Dice', 'Twice the common area over the sum of both areas.', dice),
)
SCORES = ('J', 'F', 'J&F', *(m.key for m in FRAME_MEASURES if m.key not in ('J', 'F')))
"""Keys of the mean scores, in the order of tables; J&F is the mean of J and F."""


def measure_frame(predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Score the mask of an object in a frame.

    Args:
        predicted, truth: bool [H, W].

    Returns:
        by field of FRAME_MEASURES.

    Raises:
        ValueError: when the shapes differ.
    """
    return {measure.field: measure.compute(predicted, truth) for measure in FRAME_MEASURES}


def with_mean(means: dict[str, float | None]) -> dict[str, float | None]:
    """Return means by the keys of SCORES: those of FRAME_MEASURES, and J&F of them.

    Args:
        means: by key of FRAME_MEASURES; None where nothing counts.
    """
    overlap, boundary = means['J'], means['F']
    both = None if overlap is None or boundary is None else (overlap + boundary) / 2
    return {key: both if key == 'J&F' else means[key] for key in SCORES}
