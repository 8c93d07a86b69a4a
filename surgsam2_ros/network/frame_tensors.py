# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the parts of the network hand to each other within a frame.

N objects, S = image size, D = hidden channels, Dm = memory channels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor


class ImageFeatures(NamedTuple):
    """Features of one or more images, shared by all objects."""

    stride4: Tensor  # [B, D / 8, S / 4, S / 4]
    stride8: Tensor  # [B, D / 4, S / 8, S / 8]
    stride16: Tensor  # [B, D, S / 16, S / 16]


class MemoryTokens(NamedTuple):
    """Memory of N objects: spatial maps of h * w tokens each, then object pointer tokens."""

    features: Tensor  # [N, L, Dm]
    position: Tensor  # [N, L, Dm] (or [1, L, Dm])
    num_pointer_tokens: int
    key_mask: Tensor | None = None  # bool [N, L], True = attend; None = attend to all
    # int64 [N, L - pointers]: the cell that each spatial token comes from; None = whole maps.
    cells: Tensor | None = None


class Decoded(NamedTuple):
    """Masks of N objects with M candidates (3 with ``multimask``, else 1)."""

    mask_logits: (
        Tensor  # [N, 1, S / 4, S / 4], the chosen mask; -1024 everywhere where the object is absent
    )
    iou: Tensor  # [N], predicted IoU of the chosen mask, 0 to 1
    presence_logits: Tensor  # [N], > 0 = the object is in the picture
    pointer: Tensor  # [N, D], object pointer
    all_mask_logits: Tensor  # [N, M, S / 4, S / 4], before the presence decides
    all_iou: Tensor  # [N, M]

    @property
    def high_res_logits(self) -> Tensor:
        """The chosen mask at the network's input size, [N, 1, S, S]; computed at each access."""
        return F.interpolate(
            self.mask_logits, scale_factor=4.0, mode='bilinear', align_corners=False
        )
