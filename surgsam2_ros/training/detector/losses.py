# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Losses of the detector's maps."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from surgsam2_ros.network.instrument_detector import DetectorMaps
from surgsam2_ros.training.detector.targets import Channel

_EPS = 1e-4


def detector_losses(maps: DetectorMaps, targets: Tensor) -> dict[str, Tensor]:
    """Compute the terms, each averaged over the batch.

    Args:
        maps: of B images.
        targets: float [B, 8, h, w], see `targets.Channel`.

    Returns:
        'mask' and 'dice' of the foreground, 'centre' (penalty-reduced focal loss of CenterNet, Zhou
        et al. 2019) and 'extent' (1 - generalised IoU, Rezatofighi et al. 2019).
    """
    valid = targets[:, Channel.VALID]
    coverage = targets[:, Channel.COVERAGE]
    logits = maps.mask_logits[:, 0]
    cross_entropy = F.binary_cross_entropy_with_logits(logits, coverage, reduction='none')
    return {
        'mask': (cross_entropy * valid).mean(),
        'dice': _dice(logits.sigmoid() * valid, coverage * valid),
        'centre': _focal(maps.centre_logits[:, 0], targets[:, Channel.HEAT], valid),
        'extent': _extent(maps.extents, targets),
    }


def _dice(probability: Tensor, coverage: Tensor) -> Tensor:
    """Dice loss of the images that show something; [B, h, w] both."""
    shown = coverage.sum(dim=(1, 2)) > 1
    if not shown.any():
        return probability.sum() * 0
    p, c = probability[shown], coverage[shown]
    both = (p * c).sum(dim=(1, 2))
    return (1 - 2 * both / (p.square().sum(dim=(1, 2)) + c.square().sum(dim=(1, 2)))).mean()


def _focal(logits: Tensor, heat: Tensor, valid: Tensor) -> Tensor:
    p = logits.sigmoid().clamp(_EPS, 1 - _EPS)
    centre = heat >= 1 - 1e-3
    hit = -((1 - p) ** 2) * p.log()
    false = -((1 - heat) ** 4) * p**2 * (1 - p).log()
    terms = torch.where(centre, hit, false * valid)
    return terms.sum() / centre.sum().clamp(min=1)


def _extent(extents: Tensor, targets: Tensor) -> Tensor:
    """One minus the generalised IoU of two boxes about the same point, over owned cells."""
    owned = targets[:, Channel.OWNED] > 0
    if not owned.any():
        return extents.sum() * 0
    found = extents.permute(0, 2, 3, 1)[owned]  # [cells, 4]
    true = targets[:, Channel.LEFT : Channel.OWNED].permute(0, 2, 3, 1)[owned]
    smaller, larger = torch.minimum(found, true), torch.maximum(found, true)
    both = _area(smaller)
    either = _area(found) + _area(true) - both
    hull = _area(larger)
    iou = both / either.clamp(min=_EPS)
    return (1 - iou + (hull - either) / hull.clamp(min=_EPS)).mean()


def _area(sides: Tensor) -> Tensor:
    left, top, right, bottom = sides.unbind(-1)
    return (left + right) * (top + bottom)
