# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""An auxiliary head that tells objects from background; it helps the trunk and is not exported."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from surgsam2_ros.network import ImageFeatures


class ForegroundHead(nn.Module):
    """Foreground logits at stride 4 from the features that the tracker sees.

    Args:
        dim: channels of the stride-16 features.
        width: channels inside the head.
    """

    def __init__(self, dim: int, width: int = 32):
        super().__init__()
        self.stride16 = nn.Conv2d(dim, width, 1)
        self.stride8 = nn.Conv2d(dim // 4, width, 1)
        self.stride4 = nn.Conv2d(dim // 8, width, 1)
        self.output = nn.Conv2d(width, 1, 1)

    def forward(self, features: ImageFeatures) -> Tensor:
        """Logits [B, S / 4, S / 4] of the features of B images, whatever their precision."""
        stride4, stride8, stride16 = (level.to(self.output.weight.dtype) for level in features)
        x = F.relu(self.stride16(stride16))
        x = _double(x) + self.stride8(stride8)
        x = _double(F.relu(x)) + self.stride4(stride4)
        return self.output(F.relu(x)).squeeze(1)


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode='bilinear', align_corners=False)
