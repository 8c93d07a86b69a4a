# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the parts of the network hand to each other within a frame.

N objects, S = image size, D = hidden channels, Dm = memory channels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
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


class MaskHint(NamedTuple):
    """Where N objects probably are, for a network that was trained to read that."""

    mask_logits: Tensor  # [N, 1, S / 4, S / 4], of the frame before, moved to this one
    given: Tensor  # bool or int [N], above 0 for objects that have such a mask


class MaskCandidates(NamedTuple):
    """What the mask decoder makes of N objects, M masks of each: 3 with ``multimask``, else 1."""

    mask_logits: Tensor  # [N, M, S / 4, S / 4], before the presence decides
    iou: Tensor  # [N, M], predicted
    presence_logits: Tensor  # [N], > 0 = the object is in the picture
    mask_tokens: Tensor  # [N, 4, D]: the single-mask token, then three candidates


class Decoded(NamedTuple):
    """What the network says about N objects in a frame."""

    mask_logits: Tensor  # [N, 1, S / 4, S / 4], -1024 everywhere where the object is absent
    iou: Tensor  # [N], predicted IoU of the mask, 0 to 1
    presence_logits: Tensor  # [N], > 0 = the object is in the picture
    pointer: Tensor  # [N, D], object pointer
    candidates: MaskCandidates | None = None  # that it was chosen from; None where not kept

    @property
    def chosen(self) -> Decoded:
        """The same without the candidates."""
        return self._replace(candidates=None)

    def read_scores(self) -> list[tuple[float, float]]:
        """Return predicted IoU and presence logit of each object; waits for the device."""
        return torch.stack([self.iou, self.presence_logits], dim=1).tolist()

    @property
    def high_res_logits(self) -> Tensor:
        """The chosen mask at the network's input size, [N, 1, S, S]; computed at each access."""
        return F.interpolate(
            self.mask_logits, scale_factor=4.0, mode='bilinear', align_corners=False
        )
