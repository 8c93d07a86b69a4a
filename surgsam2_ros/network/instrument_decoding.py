# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""From the maps of the instrument detector to single instruments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from surgsam2_ros.network.instrument_detector import DetectorMaps

_NOT_HERE = -10.0  # mask logit of cells that belong to another instrument
_LEAST_AGREEMENT = 0.15  # IoU of a cell's own box with that of the instrument it is given to
_CONTAINED = 0.9  # share of the smaller of two boxes that they have in common
_MOST_PEAKS = 64
_TINY = 1e-12


@dataclass(frozen=True)
class DecodingRule:
    """Which peaks become instruments.

    Attributes:
        min_score: of an instrument, 0 to 1.
        overlap: IoU of two boxes from which the less certain one is dropped; so is one within
            another.
        most: instruments of an image.
    """

    min_score: float = 0.4
    overlap: float = 0.45
    most: int = 16

    def __post_init__(self):
        """Check the values.

        Raises:
            ValueError: naming the value and what was expected.
        """
        for name in ('min_score', 'overlap'):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ValueError(f'{name} is {value!r}; expected 0 to 1')
        if self.most < 1:
            raise ValueError(f'most is {self.most!r}; expected at least 1')


@dataclass(frozen=True, eq=False)
class FoundInstruments:
    """N instruments of an image, the most certain first.

    Attributes:
        boxes: float32 [N, 4], left, top, right and bottom as shares of the sides, 0 to 1.
        scores: float32 [N], 0 to 1.
        mask_logits: float32 [N, h, w], of cells of stride 8; no cell is above 0 in two of them.
        descriptors: float32 [N, D] of length 1.
    """

    boxes: np.ndarray
    scores: np.ndarray
    mask_logits: np.ndarray
    descriptors: np.ndarray

    def __len__(self) -> int:
        """Return N."""
        return len(self.scores)


def decode_instruments(maps: DetectorMaps, rule: DecodingRule) -> FoundInstruments:
    """Find instruments: peaks of the centre map, with the boxes that the peaks give.

    A cell of the mask goes to the instrument whose box agrees best with the box that the cell gives
    itself. The score of an instrument is its peak times the mean mask probability of its cells.
    Cells that are no finite number count as background.

    Args:
        maps: of one image.
        rule: which peaks count.
    """
    mask, centre = (_clean(part[0, 0]) for part in (maps.mask_logits, maps.centre_logits))
    boxes = _own_boxes(maps.extents)
    height, width = mask.shape
    shown, certainty = _sigmoid(mask), _sigmoid(centre)
    rows, columns = _peaks(certainty, rule.min_score)
    heat = certainty[rows, columns]
    kept = _suppressed(boxes[rows, columns], rule.overlap)[: rule.most]
    rows, columns, heat = rows[kept], columns[kept], heat[kept]
    candidates = boxes[rows, columns]
    owner = _owners(mask > 0, boxes, candidates)
    logits, scores, numbers = [], [], []
    for number in range(len(candidates)):
        own = owner == number
        score = float(heat[number] * shown[own].mean()) if own.any() else 0.0
        if score >= rule.min_score:
            elsewhere = (mask > 0) & ~own
            logits.append(np.where(elsewhere, np.float32(_NOT_HERE), mask))
            scores.append(score)
            numbers.append(number)
    order = np.argsort(-np.array(scores), kind='stable').astype(int)
    found = np.array(logits, np.float32).reshape(-1, height, width)[order]
    sides = np.array([width, height, width, height], np.float32)
    return FoundInstruments(
        (candidates[numbers].reshape(-1, 4)[order] / sides).clip(0.0, 1.0).astype(np.float32),
        np.array(scores, np.float32)[order],
        found,
        _descriptors(maps.features[0], found),
    )


def _clean(logits: torch.Tensor) -> np.ndarray:
    values = logits.detach().float().cpu().numpy()
    return np.where(np.isfinite(values), values, np.float32(_NOT_HERE))


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(logits, -30.0, 30.0)))


def _own_boxes(extents: torch.Tensor) -> np.ndarray:
    """Box that each cell gives itself, float32 [h, w, 4] in cells; empty where it is no number."""
    sides = extents[0].detach().float().cpu().numpy()
    sides = np.where(np.isfinite(sides), sides, 0.0)
    height, width = sides.shape[1:]
    y, x = np.mgrid[:height, :width].astype(np.float32) + 0.5
    left, top, right, bottom = sides
    limits = np.array([width, height, width, height], np.float32)
    return np.stack([x - left, y - top, x + right, y + bottom], axis=-1).clip(0.0, limits)


def _peaks(heat: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the local maxima, the highest first."""
    around = F.max_pool2d(torch.from_numpy(heat)[None], 3, 1, 1)[0].numpy()
    rows, columns = np.nonzero((heat >= around) & (heat >= max(least, 1e-3)))
    order = np.argsort(-heat[rows, columns], kind='stable')[:_MOST_PEAKS]
    return rows[order], columns[order]


def _suppressed(boxes: np.ndarray, overlap: float) -> list[int]:
    """Keep the boxes [N, 4], highest first, that neither overlap with one before nor lie in it."""
    kept: list[int] = []
    for number, box in enumerate(boxes):
        others = boxes[kept]
        within = _intersection(box, others) / np.maximum(
            np.minimum(_area(box), _area(others)), _TINY
        )
        if (box_iou(box, others) < overlap).all() and (within < _CONTAINED).all():
            kept.append(number)
    return kept


def _owners(shown: np.ndarray, boxes: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Tell which instrument each cell belongs to, int [h, w]; -1 for none."""
    owner = np.full(shown.shape, -1)
    if not len(candidates) or not shown.any():
        return owner
    rows, columns = np.nonzero(shown)
    agreement = np.stack([box_iou(one, boxes[rows, columns]) for one in candidates])
    left, top, right, bottom = candidates.T[:, :, None]
    inside = (
        (columns + 1 > left) & (columns < right) & (rows + 1 > top) & (rows < bottom)
    )  # the cell touches the box
    agreement = np.where(inside, agreement, 0.0)
    best = agreement.argmax(axis=0)
    owner[rows, columns] = np.where(agreement.max(axis=0) >= _LEAST_AGREEMENT, best, -1)
    return owner


def _descriptors(features: torch.Tensor, logits: np.ndarray) -> np.ndarray:
    """Mean features [D, h / 2, w / 2] under each mask, of length 1."""
    values = features.detach().float().cpu().numpy()
    if not len(logits):
        return np.zeros((0, len(values)), np.float32)
    weights = F.avg_pool2d(torch.from_numpy(_sigmoid(logits))[:, None], 2)[:, 0].numpy()
    means = np.einsum('nhw,dhw->nd', weights, np.where(np.isfinite(values), values, 0.0))
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    return (means / np.maximum(lengths, _TINY)).astype(np.float32)


def box_iou(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """IoU of a box [4] with others [N, 4], left, top, right and bottom; 0 for empty ones."""
    both = _intersection(box, others)
    return both / np.maximum(_area(box) + _area(others) - both, _TINY)


def _intersection(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    return np.maximum(high - low, 0).prod(axis=1)


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[..., 2:] - boxes[..., :2]).prod(axis=-1)
