# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The losses of a network that segments and tracks: masks, predicted IoU, presence, foreground."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from surgsam2_ros.network.surgsam2 import ABSENT_LOGIT


@dataclass(frozen=True)
class LossWeights:
    """Factors of the loss terms and how they are put together; the defaults are SAM 2's.

    Attributes:
        focal, dice, bce: of the mask; which of several proposals is best is decided by their sum.
        iou: of the absolute error of the predicted IoU, averaged over the proposals.
        presence: of the binary cross-entropy of the presence.
        foreground: of the auxiliary foreground head's cross-entropy; 0 for none.
        proposals: share of the mask loss that falls on all proposals; the rest falls on the best
            alone. With a share of 0 a small network's three proposals learn to hedge between three
            objects, and it needs no memory of which one it follows.
        gated: judge the mask as the tracker hands it out, empty where the network calls the object
            absent: a mask that is hidden so does not learn. Otherwise a wrong presence stops no
            mask from learning.
        mean: take the mean over the decodings of a clip instead of their sum.
        stride: pixels of the input per pixel in which masks are compared, 1, 2 or 4.
    """

    focal: float = 20.0
    dice: float = 1.0
    bce: float = 0.0
    iou: float = 1.0
    presence: float = 1.0
    foreground: float = 0.0
    proposals: float = 0.0
    gated: bool = True
    mean: bool = False
    stride: int = 1

    def __post_init__(self):
        """Check the values.

        Raises:
            ValueError: when a value is impossible.
        """
        for name in ('focal', 'dice', 'bce', 'iou', 'presence', 'foreground'):
            if getattr(self, name) < 0:
                raise ValueError(f'loss weight {name} is {getattr(self, name)}; it must be >= 0')
        if not 0 <= self.proposals <= 1:
            raise ValueError(f'loss share proposals is {self.proposals}; it must be 0 to 1')
        if self.stride not in (1, 2, 4):
            raise ValueError(f'loss stride is {self.stride}; it must be 1, 2 or 4')


SAM2_LOSS = LossWeights()


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

    The overlap is that of Wang et al. (MICCAI 2023): half of what the sums of both have beyond
    their absolute difference. With a truth of 0 and 1 it is the sum of the products, and with a
    soft truth too the loss of equal masks is 0.

    Args:
        logits, truth: float [..., H, W]; truth in [0, 1].

    Returns:
        float [...], 0 for a perfect mask.
    """
    probability = torch.sigmoid(logits)
    total = probability.sum(dim=(-2, -1)) + truth.sum(dim=(-2, -1))
    difference = (probability - truth).abs().sum(dim=(-2, -1))
    return 1.0 - (total - difference + 1.0) / (total + 1.0)


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
    """Loss of one decoding of a frame, object by object.

    Of several mask proposals the one with the least mask loss is trained most, so that they may
    differ; every predicted IoU is trained. An absent object trains the presence alone.

    Args:
        all_mask_logits: [N, M, h, w]; resized to the truth.
        all_iou: [N, M], predicted.
        presence_logits: [N].
        truth: float [N, H, W] in [0, 1]; an object without any pixel above 0.5 is absent.

    Returns:
        weighted terms 'focal', 'dice', 'iou', 'presence', and 'bce' where it has a weight, each
        float32 [N].
    """
    all_mask_logits, presence_logits = all_mask_logits.float(), presence_logits.float()
    if weights.gated:
        shown = (presence_logits.detach() > 0).view(-1, 1, 1, 1)
        all_mask_logits = torch.where(shown, all_mask_logits, ABSENT_LOGIT)
    if all_mask_logits.shape[-2:] != truth.shape[-2:]:
        all_mask_logits = F.interpolate(
            all_mask_logits, truth.shape[-2:], mode='bilinear', align_corners=False
        )
    expanded = truth.float().unsqueeze(1).expand_as(all_mask_logits)  # [N, M, H, W]
    mask_terms = {
        'focal': weights.focal * focal_loss(all_mask_logits, expanded),
        'dice': weights.dice * dice_loss(all_mask_logits, expanded),
    }
    if weights.bce:
        mask_terms['bce'] = weights.bce * bce_loss(all_mask_logits, expanded)
    best = sum(mask_terms.values()).detach().argmin(dim=1, keepdim=True)

    def chosen(loss: Tensor) -> Tensor:
        return torch.lerp(loss.gather(1, best).squeeze(1), loss.mean(dim=1), weights.proposals)

    present = (truth > 0.5).flatten(1).any(dim=1).float()  # [N]
    iou_error = (all_iou.float() - mask_iou(all_mask_logits, expanded)).abs().mean(dim=1)
    presence = F.binary_cross_entropy_with_logits(presence_logits, present, reduction='none')
    return {
        **{name: chosen(loss) * present for name, loss in mask_terms.items()},
        'iou': weights.iou * iou_error * present,
        'presence': weights.presence * presence,
    }
