# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Hiera trunk (Ryali et al., 2023) as SAM 2 uses it: windowed and global attention, four maps."""

from __future__ import annotations

from functools import partial
from itertools import takewhile

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from surgsam2_ros.network.derived import Deriving
from surgsam2_ros.network.layers import MLP
from surgsam2_ros.network.linear import Linear
from surgsam2_ros.network.window_order import WindowGroup, WindowOrder, pool_cells


class WindowAttention(nn.Module):
    """Multi-head self-attention within windows, with optional 2x2 pooling of the queries.

    Where windows reach over the edge of the map, the keys and values of the padding are those of a
    zero token, i.e. the biases; its queries are asked for by nobody.

    Args:
        dim, dim_out: channels in and out.
        num_heads: attention heads.
        is_global: whether each token attends to the whole map instead of its window.
        pool: whether queries (and so the output) are pooled by 2.
    """

    def __init__(self, dim, dim_out, num_heads, is_global, pool) -> None:
        super().__init__()
        self.num_heads, self.is_global, self.pool = num_heads, is_global, pool
        self.qkv = Linear(dim, dim_out * 3)
        self.proj = Linear(dim_out, dim_out)

    def forward(self, x: Tensor, order: WindowOrder) -> Tensor:
        """Map tokens [B, T, dim] in this order to [B, T, dim_out], a quarter of T when pooling."""
        qkv = self.qkv(x)
        groups = (WindowGroup(1, x.shape[1], 0),) if self.is_global else order.groups
        if len(groups) == 1:
            return self.proj(self._attend(qkv, groups[0]))
        parts = qkv.split([group.windows * group.tokens for group in groups], dim=1)
        attended = [self._attend(part, group) for part, group in zip(parts, groups, strict=True)]
        return self.proj(torch.cat(attended, dim=1))

    def _attend(self, qkv: Tensor, group: WindowGroup) -> Tensor:
        """Attend within windows: [B, windows * tokens, 3 * C] to [B, windows * tokens, C]."""
        batch, (windows, tokens, padding) = qkv.shape[0], group
        each = (3, self.num_heads, qkv.shape[2] // (3 * self.num_heads))
        qkv = qkv.reshape(batch * windows, tokens, *each)
        if padding:
            bias = self.qkv.bias if self.qkv.bias.dtype == qkv.dtype else self.qkv.bias.to(qkv)
            bias = bias.view(each).expand(batch * windows, padding, -1, -1, -1)
            qkv = torch.cat((qkv, bias), dim=1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind()  # [B * windows, heads, tokens, C / heads]
        if padding:
            q = q[:, :, :tokens]
        if self.pool:
            q = pool_cells(q)
        out = F.scaled_dot_product_attention(q, k, v)
        return out.transpose(1, 2).reshape(batch, windows * q.shape[2], -1)


class HieraBlock(nn.Module):
    """Pre-norm attention and MLP; the first block of a stage doubles the channels and pools."""

    def __init__(self, dim, dim_out, num_heads, is_global, pool) -> None:
        super().__init__()
        self.pool = pool
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = WindowAttention(dim, dim_out, num_heads, is_global, pool)
        self.norm2 = nn.LayerNorm(dim_out, eps=1e-6)
        self.mlp = MLP(dim_out, dim_out * 4, dim_out, 2, F.gelu)
        self.proj = Linear(dim, dim_out) if dim != dim_out else None

    def forward(self, x: Tensor, order: WindowOrder) -> Tensor:
        """Map tokens [B, T, dim] in this order to [B, T, dim_out], a quarter of T when pooling."""
        normed = self.norm1(x)
        if self.proj is not None:
            x = self.proj(normed)
            x = pool_cells(x) if self.pool else x
        x = x + self.attn(normed, order)
        return x + self.mlp(self.norm2(x))


class PatchEmbedding(nn.Module):
    """Overlapping 7x7 patches at stride 4."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, dim, 7, stride=4, padding=3)

    def forward(self, images: Tensor) -> Tensor:
        """Map [B, 3, S, S] to tokens [B, S / 4, S / 4, dim]."""
        return self.proj(images).permute(0, 2, 3, 1)


def _stretched_position(height: int, width: int, whole: Tensor, window: Tensor) -> Tensor:
    """Stretch the map of all positions over the image, and repeat that of a window."""
    embedding = F.interpolate(whole, size=(height, width), mode='bicubic')
    side = window.shape[-1]
    embedding = embedding + window.tile(height // side, width // side)
    return embedding.permute(0, 2, 3, 1).contiguous()


class Hiera(Deriving):
    """Hierarchical vision transformer with four stages at strides 4, 8, 16 and 32.

    Args:
        embed_dim: channels of the first stage; each stage doubles them.
        num_heads: attention heads of the first stage; each stage doubles them.
        stages: blocks of each stage.
        global_blocks: indices of the blocks with global attention.
        window_sizes: tokens per window side in each stage.
        position_size: side of the learned position map that is stretched over the image.
    """

    def __init__(
        self, embed_dim, num_heads, stages, global_blocks, window_sizes, position_size
    ) -> None:
        super().__init__()
        self.patch_embed = PatchEmbedding(embed_dim)
        self.pos_embed = nn.Parameter(torch.zeros(1, embed_dim, position_size, position_size))
        self.pos_embed_window = nn.Parameter(
            torch.zeros(1, embed_dim, window_sizes[0], window_sizes[0])
        )
        self._window_sizes = tuple(window_sizes)
        ends = [sum(stages[: stage + 1]) - 1 for stage in range(len(stages))]
        self.feature_blocks = tuple(ends)
        blocks, dim = [], embed_dim
        for stage, repeats in enumerate(stages):
            dim_out, heads = embed_dim * 2**stage, num_heads * 2**stage
            for repeat in range(repeats):
                first = stage > 0 and repeat == 0
                is_global = len(blocks) in global_blocks
                blocks.append(HieraBlock(dim, dim_out, heads, is_global, pool=first))
                dim = dim_out
        self.blocks = nn.ModuleList(blocks)
        self.channel_list = [embed_dim * 2**stage for stage in reversed(range(len(stages)))]

    def _position(self, height: int, width: int) -> Tensor:
        """Return the position embedding [1, height, width, embed_dim]."""
        size = height, width
        stretch = partial(_stretched_position, height, width)
        return self.derived(size, stretch, self.pos_embed, self.pos_embed_window)

    def _order(self, stage: int, height: int, width: int) -> WindowOrder:
        """Order of the tokens from this stage on, to the block that pools last in it."""
        later = range(stage + 1, len(self._window_sizes))
        kept = takewhile(lambda s: 2 * self._window_sizes[s] == self._window_sizes[s - 1], later)
        # The first block of the stage after those still works on their windows.
        pools = min(len(list(kept)) + 1, len(later))
        return WindowOrder(height, width, self._window_sizes[stage], pools)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the [B, C, H, W] features of [B, 3, S, S] at strides 4, 8, 16 and 32."""
        x = self.patch_embed(images)
        x = x + self._position(x.shape[1], x.shape[2])
        stage, order = 0, self._order(0, x.shape[1], x.shape[2])
        x = order.arrange(x)
        features = []
        for index, block in enumerate(self.blocks):
            x = block(x, order)
            if block.pool:
                stage, order = stage + 1, order.pooled
                if order.window != self._window_sizes[stage]:
                    x = order.restore(x)
                    order = self._order(stage, x.shape[1], x.shape[2])
                    x = order.arrange(x)
            if index in self.feature_blocks:
                features.append(order.restore(x).permute(0, 3, 1, 2))
        return features
