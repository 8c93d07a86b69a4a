# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Masks and the label image at image size, brought to the host in one copy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from surgsam2_ros.network import ABSENT_LOGIT
from surgsam2_ros.tracking.frame_step import Estimate
from surgsam2_ros.tracking.preprocess import resize_logits


class Rendering(NamedTuple):
    """One frame's outcome on the host.

    Attributes:
        label_image: uint8 [H, W], 0 or an instance; the highest logit wins.
        masks: bool [N, H, W], may overlap.
        score: float [N] predicted IoU, 0 to 1.
        presence: float [N] probability of being visible.
        visible: bool [N], presence above the threshold.
    """

    label_image: np.ndarray
    masks: np.ndarray
    score: np.ndarray
    presence: np.ndarray
    visible: np.ndarray


def render_masks(
    estimate: Estimate,
    instances: Sequence[int],
    image_size: tuple[int, int],
    *,
    mask_threshold: float,
    presence_threshold: float,
) -> Rendering:
    """Upsample the mask logits of N >= 1 objects and cut them at the threshold.

    Args:
        estimate: of N objects.
        instances: their values in the label image.
        image_size: (H, W).
        mask_threshold: mask logit above which a pixel is on the object.
        presence_threshold: probability above which an object is visible; the masks of others
            are empty.
    """
    visible = estimate.presence > presence_to_logit(presence_threshold)
    logits = torch.where(visible[:, None, None, None], estimate.logits.float(), ABSENT_LOGIT)
    logits = resize_logits(logits, image_size)[:, 0]  # [N, H, W]
    masks = logits > mask_threshold
    label_image = masks[0].view(torch.uint8) * instances[0]
    if len(instances) > 1:
        highest = logits[0].clamp_(min=mask_threshold)
    for row in range(1, len(instances)):  # an argmax over the objects costs 20 times as much
        wins = (logits[row] > highest).view(torch.uint8)
        label_image += (instances[row] - label_image) * wins  # may wrap around; filling is slower
        torch.maximum(highest, logits[row], out=highest)
    scalars = torch.stack([estimate.iou, estimate.presence.sigmoid(), visible], dim=1)
    return _to_host(label_image, masks, scalars.float())


def presence_to_logit(presence: float) -> float:
    """Inverse of the sigmoid; exactly 0 for 0.5."""
    return math.inf if presence >= 1.0 else math.log(presence / (1.0 - presence))


def _to_host(label_image: torch.Tensor, masks: torch.Tensor, scalars: torch.Tensor) -> Rendering:
    """Copy everything at once: on a GPU each copy would wait for the device."""
    parts = [scalars.view(torch.uint8).flatten(), label_image.flatten(), masks.view(torch.uint8)]
    if label_image.is_cpu:
        host = [part.flatten().numpy() for part in parts]
    else:
        packed = torch.cat([part.flatten() for part in parts]).cpu().numpy()
        host = np.split(packed, np.cumsum([part.numel() for part in parts])[:-1])
    numbers = host[0].view(np.float32).reshape(scalars.shape)
    return Rendering(
        label_image=host[1].reshape(label_image.shape),
        masks=host[2].view(np.bool_).reshape(masks.shape),
        score=numbers[:, 0].clip(0.0, 1.0),
        presence=numbers[:, 1],
        visible=numbers[:, 2] > 0.5,
    )
