# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the network says about objects in a frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch

from surgsam2_ros.network import Decoded


class Estimate(NamedTuple):
    """What the network says about N objects in one frame.

    Attributes:
        logits: [N, 1, S/4, S/4] mask logits, -1024 where the object is absent.
        iou: [N] predicted IoU.
        presence: [N] presence logits, above 0 when the object is visible.
        pointer: [N, D] object pointers.
    """

    logits: torch.Tensor
    iou: torch.Tensor
    presence: torch.Tensor
    pointer: torch.Tensor

    @staticmethod
    def of(decoded: Decoded) -> Estimate:
        """Keep what tracking needs."""
        return Estimate(decoded.mask_logits, decoded.iou, decoded.presence_logits, decoded.pointer)

    @staticmethod
    def join(parts: Sequence[Estimate], order: Sequence[int]) -> Estimate:
        """Concatenate along the objects; `order[i]` is the row that object i has in the end."""
        if len(parts) == 1:
            joined = parts[0]
        else:
            joined = Estimate(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))
        if list(order) == list(range(len(order))):
            return joined
        rows = [order.index(row) for row in range(len(order))]
        return Estimate(*(tensor[rows] for tensor in joined))


def presence_to_logit(presence: float) -> float:
    """Inverse of the sigmoid; exactly 0 for 0.5."""
    return math.inf if presence >= 1.0 else math.log(presence / (1.0 - presence))
