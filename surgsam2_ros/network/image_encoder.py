# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Image encoder: a trunk (Hiera or EfficientNet-Lite0) and the neck over its four maps."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from surgsam2_ros.network.convolution import Conv2d
from surgsam2_ros.network.derived import Deriving
from surgsam2_ros.network.position_encoding import full_precision


class FpnNeck(Deriving):
    """Lateral 1x1 convolutions to a common width; the stride-32 map is added to the stride-16 map.

    Args:
        channel_list: channels of the trunk's maps, coarsest first.
        dim: common width.
    """

    def __init__(self, channel_list: list[int], dim: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Sequential() for _ in channel_list)
        for level, channels in zip(self.convs, channel_list, strict=True):
            level.add_module('conv', Conv2d(channels, dim, 1))

    def stride16(self, stride16: Tensor, stride32: Tensor) -> Tensor:
        """Merge the two coarsest maps of the trunk into [B, dim, S / 16, S / 16]."""
        # Each coarse cell is added to its 2x2 fine ones: an enlarged copy of it costs more.
        lateral = self.convs[1](stride16).unflatten(3, (-1, 2)).unflatten(2, (-1, 2))
        merged = lateral + self.convs[0](stride32)[:, :, :, None, :, None]
        return merged.flatten(4, 5).flatten(2, 3)

    def projected(self, level: int, features: Tensor, projection: nn.Conv2d) -> Tensor:
        """Apply the lateral convolution of a level and then a 1x1 projection, as one convolution.

        Args:
            level: 2 for stride 8, 3 for stride 4.
            features: trunk map [B, C, H, W].
            projection: 1x1 convolution from the common width.
        """
        inner, outer = self.convs[level].conv, projection
        weight = self.derived(('weight', level), _joined_weight, outer.weight, inner.weight)
        bias = self.derived(('bias', level), _joined_bias, outer.weight, inner.bias, outer.bias)
        return F.conv2d(features, weight, bias)


def _joined_weight(outer: Tensor, inner: Tensor) -> Tensor:
    """Kernel of two 1x1 convolutions, the inner one first."""
    with full_precision(outer.device):
        return (outer.flatten(1) @ inner.flatten(1))[..., None, None]


def _joined_bias(outer: Tensor, inner_bias: Tensor, outer_bias: Tensor) -> Tensor:
    """Bias of two 1x1 convolutions, the inner one first."""
    with full_precision(outer.device):
        return outer.flatten(1) @ inner_bias + outer_bias


class ImageEncoder(nn.Module):
    """Holds trunk and neck under the names of the official state dict."""

    def __init__(self, trunk: nn.Module, dim: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.neck = FpnNeck(trunk.channel_list, dim)
