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


class MaskDownsampler(nn.Module):
    """Four stride-2 convolutions, from one channel to ``dim`` channels at stride 16."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential()
        for channels in (1, 4, 16, 64):
            self.encoder.append(Conv2d(channels, channels * 4, 3, stride=2, padding=1))
            self.encoder.append(LayerNorm2d(channels * 4))
            self.encoder.append(nn.GELU())
        self.encoder.append(Conv2d(256, dim, 1))

    def forward(self, masks: Tensor) -> Tensor:
        """Map [N, 1, S, S] to [N, dim, S / 16, S / 16]."""
        return self.encoder(masks)


class ConvNextBlock(nn.Module):
    """ConvNeXt block (Liu et al., 2022) with layer scale."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dwconv = Conv2d(dim, dim, 7, padding=3, groups=dim)
        self.norm = LayerNorm2d(dim)
        self.pwconv1 = Linear(dim, 4 * dim)
        self.pwconv2 = Linear(4 * dim, dim)
        self.gamma = nn.Parameter(torch.full((dim,), 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        """Update [N, dim, h, w]."""
        y = self.norm(self.dwconv(x)).permute(0, 2, 3, 1)
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(y)))
        return x + y.permute(0, 3, 1, 2)


class Fuser(nn.Module):
    """Stack of ConvNeXt blocks."""

    def __init__(self, dim: int, num_layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(ConvNextBlock(dim) for _ in range(num_layers))

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
        num_fuser_layers: ConvNeXt blocks.
        grid_size: cells per side of the frame features.
    """

    def __init__(self, dim: int, memory_dim: int, num_fuser_layers: int, grid_size: int) -> None:
        super().__init__()
        self.mask_downsampler = MaskDownsampler(dim)
        self.pix_feat_proj = Conv2d(dim, dim, 1)
        self.fuser = Fuser(dim, num_fuser_layers)
        self.out_proj = Conv2d(dim, memory_dim, 1) if memory_dim != dim else nn.Identity()
        self.register_buffer(
            'position', sine_position_2d(grid_size, grid_size, memory_dim), persistent=False
        )

    def forward(self, features: Tensor, masks: Tensor) -> Tensor:
        """Encode features [1 | N, dim, h, w] and scaled masks [N, 1, S, S].

        Returns:
            [N, memory_dim, h, w].
        """
        x = self.pix_feat_proj(features) + self.mask_downsampler(masks)
        return self.out_proj(self.fuser(x))
