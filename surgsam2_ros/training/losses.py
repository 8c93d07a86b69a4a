# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The losses of a segmentation network that tracks: mask, predicted IoU, presence and foreground.

All of them take logits from before the presence gate: a wrong presence stops no mask from learning.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class LossWeights:
    """Factors of the loss terms; those of focal, dice, IoU and presence are SAM 2's.

    `proposals` is the share of the mask loss that falls on all proposals, the rest falls on the
    best alone. With a share of 0 three proposals learn to hedge between three objects, and the
    network needs no memory of which one it follows.
    """

    focal: float = 20.0
    dice: float = 1.0
    bce: float = 1.0
    iou: float = 1.0
    presence: float = 1.0
    foreground: float = 0.5
    proposals: float = 0.5


def focal_loss(logits: Tensor, truth: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Sigmoid focal loss (Lin et al., ICCV 2017), the mean over the pixels.

    Args:
        logits, truth: float [..., H, W]; truth in [0, 1], fractions count as soft labels.

    Returns:
        float [...].
    """
    bce = F.binary_cross_entropy_with_logits(logits, truth, reduction='none')
    error = (torch.sigmoid(logits) - truth).abs()
    balance = alpha * truth + (1.0 - alpha) * (1.0 - truth)
    return (balance * error.pow(gamma) * bce).mean(dim=(-2, -1))


def dice_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """One minus the Dice coefficient of probabilities, with 1 added to both sides of the ratio.

    Args:
        logits, truth: float [..., H, W]; truth in [0, 1].

    Returns:
        float [...], 0 for a perfect mask.
    """
    probability = torch.sigmoid(logits)
    overlap = 2.0 * (probability * truth).sum(dim=(-2, -1))
    total = probability.sum(dim=(-2, -1)) + truth.sum(dim=(-2, -1))
    return 1.0 - (overlap + 1.0) / (total + 1.0)


def bce_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Binary cross-entropy, the mean over the pixels: float [..., H, W] twice -> float [...]."""
    bce = F.binary_cross_entropy_with_logits(logits, truth, reduction='none')
    return bce.mean(dim=(-2, -1))


def mask_iou(logits: Tensor, truth: Tensor) -> Tensor:
    """Intersection over union of the masks at logit 0 and truth 0.5; 1 when both are empty.

    Args:
        logits, truth: float [..., H, W].

    Returns:
        float [...] in [0, 1], without gradient.
    """
    predicted, actual = logits.detach() > 0, truth > 0.5
    overlap = (predicted & actual).sum(dim=(-2, -1)).float()
    union = (predicted | actual).sum(dim=(-2, -1)).float()
    return torch.where(union > 0, overlap / union.clamp(min=1.0), torch.ones_like(union))


def frame_loss(
    all_mask_logits: Tensor,
    all_iou: Tensor,
    presence_logits: Tensor,
    truth: Tensor,
    weights: LossWeights,
) -> dict[str, Tensor]:
    """Loss of one decoded frame, the mean over its objects.

    Of several mask proposals the one with the least mask loss is trained most, so that they may
    differ; every predicted IoU is trained. An absent object trains the presence alone.

    Args:
        all_mask_logits: [N, M, h, w]; resized to the truth.
        all_iou: [N, M], predicted.
        presence_logits: [N].
        truth: float [N, H, W] in [0, 1]; an object without any pixel above 0.5 is absent.

    Returns:
        weighted scalar terms 'focal', 'dice', 'bce', 'iou', 'presence'.
    """
    if all_mask_logits.shape[-2:] != truth.shape[-2:]:
        all_mask_logits = F.interpolate(
            all_mask_logits, truth.shape[-2:], mode='bilinear', align_corners=False
        )
    expanded = truth.unsqueeze(1).expand_as(all_mask_logits)  # [N, M, H, W]
    focal = weights.focal * focal_loss(all_mask_logits, expanded)
    dice = weights.dice * dice_loss(all_mask_logits, expanded)
    bce = weights.bce * bce_loss(all_mask_logits, expanded)
    best = (focal + dice + bce).detach().argmin(dim=1, keepdim=True)

    def chosen(loss: Tensor) -> Tensor:
        return torch.lerp(loss.gather(1, best).squeeze(1), loss.mean(dim=1), weights.proposals)

    present = (truth > 0.5).flatten(1).any(dim=1).float()  # [N]
    iou_error = (all_iou - mask_iou(all_mask_logits, expanded)).abs().mean(dim=1)
    presence = F.binary_cross_entropy_with_logits(presence_logits, present)
    return {
        'focal': (chosen(focal) * present).mean(),
        'dice': (chosen(dice) * present).mean(),
        'bce': (chosen(bce) * present).mean(),
        'iou': weights.iou * (iou_error * present).mean(),
        'presence': weights.presence * presence,
    }
