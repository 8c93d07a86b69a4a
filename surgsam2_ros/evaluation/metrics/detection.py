# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How well instruments are found: average precision, precision and recall over many images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class ImageDetections:
    """What was found in one image, against its truth.

    Attributes:
        scores: float [N], of what was found.
        overlaps: float [N, M], IoU with each true instrument.
        ignored: bool [M], true instruments that nobody has to find: they are not counted, nor is
            what overlaps most with them.
    """

    scores: np.ndarray
    overlaps: np.ndarray
    ignored: np.ndarray


@dataclass(frozen=True)
class DetectionScores:
    """Scores over many images; None where there is nothing to divide by.

    Attributes:
        average_precision: area under precision over recall, precision made monotone, at all recalls
            (PASCAL VOC 2010, Everingham et al., IJCV 2010; with COCO's matching by score).
        precision, recall: of what reaches the score that counts.
        instruments, found, false: true instruments, how many of them were found, and how many
            instruments were found that are none, at that score.
    """

    average_precision: float | None
    precision: float | None
    recall: float | None
    instruments: int
    found: int
    false: int


def detection_scores(
    images: Sequence[ImageDetections], *, min_iou: float = 0.5, min_score: float = 0.0
) -> DetectionScores:
    """Score detections.

    Within an image the most certain detection takes the true instrument it overlaps most with,
    of those not yet taken, when their IoU is `min_iou` or more.

    Args:
        images: at least one; those without instruments count, too.
        min_iou: from which an instrument is found.
        min_score: that counts for precision and recall.
    """
    scores, hits, instruments = [], [], 0
    for image in images:
        instruments += int(np.count_nonzero(~image.ignored))
        taken = np.zeros(len(image.ignored), bool)
        for row in np.argsort(-image.scores, kind='stable'):
            overlaps = np.where(taken, 0.0, image.overlaps[row])
            best = int(overlaps.argmax()) if len(overlaps) else -1
            hit = best >= 0 and overlaps[best] >= min_iou
            if hit and image.ignored[best]:
                continue
            if hit:
                taken[best] = True
            scores.append(float(image.scores[row]))
            hits.append(hit)
    order = np.argsort(-np.array(scores), kind='stable').astype(int)
    ranked, right = np.array(scores)[order], np.array(hits, bool)[order]
    counted = ranked >= min_score
    found = int(np.count_nonzero(right & counted))
    false = int(np.count_nonzero(~right & counted))
    return DetectionScores(
        average_precision=_area(right, instruments) if instruments else None,
        precision=found / (found + false) if found + false else None,
        recall=found / instruments if instruments else None,
        instruments=instruments,
        found=found,
        false=false,
    )


def _area(right: np.ndarray, instruments: int) -> float:
    """Area under the monotone precision of detections that are ranked by their score."""
    found = np.cumsum(right)
    precision = found / np.arange(1, len(right) + 1)
    monotone = np.maximum.accumulate(precision[::-1])[::-1]
    return float(monotone[right].sum() / instruments)


def mask_overlaps(found: Sequence[np.ndarray], true: Sequence[np.ndarray]) -> np.ndarray:
    """IoU of masks, each bool [H, W] of one size: float [N, M]."""
    overlaps = np.zeros((len(found), len(true)))
    for row, one in enumerate(found):
        for column, other in enumerate(true):
            both = np.count_nonzero(one & other)
            either = np.count_nonzero(one) + np.count_nonzero(other) - both
            overlaps[row, column] = both / either if either else 0.0
    return overlaps


def box_overlaps(found: Sequence[Sequence[float]], true: Sequence[Sequence[float]]) -> np.ndarray:
    """IoU of boxes (left, top, right, bottom): float [N, M]."""
    one = np.asarray(found, float).reshape(-1, 1, 4)
    other = np.asarray(true, float).reshape(1, -1, 4)
    low, high = np.maximum(one[..., :2], other[..., :2]), np.minimum(one[..., 2:], other[..., 2:])
    both = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [np.clip(b[..., 2:] - b[..., :2], 0, None).prod(axis=-1) for b in (one, other)]
    either = areas[0] + areas[1] - both
    return np.divide(both, either, out=np.zeros_like(both), where=either > 0)
