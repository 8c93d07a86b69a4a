# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Memory encoder: fuses a frame's features with an object's mask into the memory of that frame."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from surgsam2_ros.network.convolution import Conv2d
from surgsam2_ros.network.layers import LayerNorm2d
from surgsam2_ros.network.linear import Linear
from surgsam2_ros.network.position_encoding import sine_position_2d

# Channels of the mask downsampler after each stride-2 convolution, by the stride of its masks.
_MASK_CHANNELS = {1: (4, 16, 64, 256), 4: (16, 64)}


class MaskDownsampler(nn.Module):
    """Stride-2 convolutions, from one channel to ``dim`` channels at stride 16.

    Args:
        dim: channels of the result.
        stride: of the masks, 1 or 4.
    """

    def __init__(self, dim: int, stride: int = 1) -> None:
        super().__init__()
        self.encoder = nn.Sequential()
        inputs = 1
        for channels in _MASK_CHANNELS[stride]:
            self.encoder.append(Conv2d(inputs, channels, 3, stride=2, padding=1))
            self.encoder.append(LayerNorm2d(channels))
            self.encoder.append(nn.GELU())
            inputs = channels
        self.encoder.append(Conv2d(inputs, dim, 1))

    def forward(self, masks: Tensor) -> Tensor:
        """Map [N, 1, S / stride, S / stride] to [N, dim, S / 16, S / 16]."""
        return self.encoder(masks)


class ConvNextBlock(nn.Module):
    """ConvNeXt block (Liu et al., 2022) with layer scale."""

    def __init__(self, dim: int, expansion: int = 4) -> None:
        super().__init__()
        self.dwconv = Conv2d(dim, dim, 7, padding=3, groups=dim)
        self.norm = LayerNorm2d(dim)
        self.pwconv1 = Linear(dim, expansion * dim)
        self.pwconv2 = Linear(expansion * dim, dim)
        self.gamma = nn.Parameter(torch.full((dim,), 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        """Update [N, dim, h, w]."""
        y = self.norm(self.dwconv(x)).permute(0, 2, 3, 1)
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(y)))
        return x + y.permute(0, 3, 1, 2)


class Fuser(nn.Module):
    """Stack of ConvNeXt blocks."""

    def __init__(self, dim: int, num_layers: int, expansion: int = 4) -> None:
        super().__init__()
        self.layers = nn.ModuleList(ConvNextBlock(dim, expansion) for _ in range(num_layers))

    def forward(self, x: Tensor) -> Tensor:
        """Update [N, dim, h, w]."""
        for layer in self.layers:
            x = layer(x)
        return x


class MemoryEncoder(nn.Module):
    """Turns frame features and mask probabilities into memory features.

    Args:
        dim: channels of the frame features.
        memory_dim: channels of the memory; equal to ``dim`` leaves out the last projection.
        num_fuser_layers, fuser_expansion: ConvNeXt blocks, and how much wider they are inside.
        grid_size: cells per side of the frame features.
        pool: of these cells, per side, that make one of the memory; the last projection joins them.
        mask_stride: of the masks, 1 or 4.
    """

    def __init__(
        self,
        dim: int,
        memory_dim: int,
        num_fuser_layers: int,
        grid_size: int,
        *,
        fuser_expansion: int = 4,
        pool: int = 1,
        mask_stride: int = 1,
    ) -> None:
        super().__init__()
        self.mask_downsampler = MaskDownsampler(dim, mask_stride)
        self.pix_feat_proj = Conv2d(dim, dim, 1)
        self.fuser = Fuser(dim, num_fuser_layers, fuser_expansion)
        self.out_proj = nn.Identity()
        if memory_dim != dim or pool > 1:
            self.out_proj = Conv2d(dim, memory_dim, pool, stride=pool)
        self.register_buffer(
            'position',
            sine_position_2d(grid_size, grid_size, memory_dim, pool),
            persistent=False,
        )

    def forward(self, features: Tensor, masks: Tensor) -> Tensor:
        """Encode features [1 | N, dim, h, w] and scaled masks [N, 1, 16 h / stride, …].

        Returns:
            [N, memory_dim, h / pool, w / pool].
        """
        x = self.pix_feat_proj(features) + self.mask_downsampler(masks)
        return self.out_proj(self.fuser(x))
