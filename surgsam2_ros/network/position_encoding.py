# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Fixed position encodings: sine tables, rotary tables and random Fourier features."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn


def full_precision(device: torch.device) -> AbstractContextManager:
    """Return a context in which autocast does not reduce the precision."""
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


def sine_wavelengths(count: int, temperature: float = 10000.0) -> Tensor:
    """Return the [count] wavelengths of a sine encoding; neighbours share one (sine and cosine)."""
    index = torch.arange(count, dtype=torch.float32)
    return temperature ** (2 * torch.div(index, 2, rounding_mode='floor') / count)


def pooled_centres(cells: int, pool: int) -> Tensor:
    """Where the middles of pooled cells lie, float32 [cells / pool], in cells; 0 is the first."""
    return pool * (torch.arange(cells // pool, dtype=torch.float32) + 0.5) - 0.5


def sine_position_2d(height: int, width: int, channels: int, pool: int = 1) -> Tensor:
    """Sine encoding of a grid, normalised to [0, 2 pi] (Carion et al., DETR, 2020).

    Args:
        height, width: cells.
        channels: of an encoding.
        pool: cells per side that are pooled; the encoding is that of the middles of these.

    Returns:
        float32 [height / pool * width / pool, channels]; the first half encodes y, the second x.
    """
    wavelengths = sine_wavelengths(channels // 2)

    def encode(length):
        position = pooled_centres(length, pool) + 1
        position = position / (length + 1e-6) * (2 * math.pi)
        phase = position[:, None] / wavelengths  # [length, channels / 2]
        return torch.stack((phase[:, 0::2].sin(), phase[:, 1::2].cos()), dim=2).flatten(1)

    rows = encode(height)[:, None].expand(-1, width // pool, -1)
    columns = encode(width)[None].expand(height // pool, -1, -1)
    return torch.cat((rows, columns), dim=2).flatten(0, 1)


def rotary_tables(
    side: int, head_dim: int, theta: float = 10000.0, pool: int = 1
) -> tuple[Tensor, Tensor]:
    """Cosine and signed sine tables of the axial rotary encoding (RoPE-ViT, Heo et al., 2024).

    The first half of the rotated pairs turns with x, the second with y. The tables are laid out for
    channels ordered as [all first pair members, all second pair members].

    Args:
        side: cells per side.
        head_dim: channels of a head.
        theta: base of the frequencies.
        pool: cells per side that are pooled; the tables are those of the middles of these.

    Returns:
        Two float32 tensors [(side / pool) ** 2, head_dim]; rotating is
        ``x * cos + swap_halves(x) * sin``.
    """
    exponent = torch.arange(0, head_dim, 4)[: head_dim // 4].float() / head_dim
    frequency = 1.0 / (theta**exponent)
    y, x = torch.meshgrid(2 * [pooled_centres(side, pool)], indexing='ij')
    x, y = x.flatten(), y.flatten()
    angle = torch.cat((torch.outer(x, frequency), torch.outer(y, frequency)), dim=1)
    cos, sin = angle.cos(), angle.sin()
    return torch.cat((cos, cos), dim=1), torch.cat((-sin, sin), dim=1)


class FourierPositionEncoding(nn.Module):
    """Random Fourier features of positions (Tancik et al., 2020), for points and the image grid.

    Args:
        channels: channels of an encoding (an even number).
        grid_size: cells per side of the image grid.
    """

    def __init__(self, channels: int, grid_size: int) -> None:
        super().__init__()
        self.grid_size = grid_size
        self.register_buffer('positional_encoding_gaussian_matrix', torch.randn(2, channels // 2))
        self.register_buffer('grid', torch.empty(0), persistent=False)
        self.register_load_state_dict_post_hook(_refresh_grid)
        self.refresh_grid()

    @torch.no_grad()
    def refresh_grid(self) -> None:
        """Recompute the cached encoding of the grid, [1, grid_size ** 2, channels]."""
        device = self.positional_encoding_gaussian_matrix.device
        centre = (torch.arange(self.grid_size, device=device) + 0.5) / self.grid_size
        y, x = torch.meshgrid(centre, centre, indexing='ij')
        self.grid = self.encode(torch.stack((x, y), dim=-1)).flatten(0, 1)[None]

    def encode(self, positions: Tensor) -> Tensor:
        """Encode positions [..., 2] (x, y in [0, 1]) as float32 [..., channels]."""
        # Reduced precision would move the points by pixels.
        with full_precision(positions.device):
            phase = (2 * positions.float() - 1) @ self.positional_encoding_gaussian_matrix.float()
            phase = 2 * math.pi * phase
            return torch.cat((phase.sin(), phase.cos()), dim=-1)


def _refresh_grid(module: FourierPositionEncoding, _incompatible_keys: object) -> None:
    module.refresh_grid()
