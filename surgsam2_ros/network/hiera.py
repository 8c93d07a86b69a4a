# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Hiera trunk (Ryali et al., 2023) as SAM 2 uses it: windowed and global attention, four maps."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from surgsam2_ros.network.layers import MLP


def pool_tokens(x: Tensor) -> Tensor:
    """Take the maximum of 2x2 cells: [B, H, W, C] to [B, H / 2, W / 2, C]."""
    return F.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)


class WindowAttention(nn.Module):
    """Multi-head self-attention within windows, with optional 2x2 pooling of the queries.

    Projections run on the real tokens alone. Where windows reach over the border, the keys and
    values of the padding are those of a zero token, i.e. the biases.

    Args:
        dim, dim_out: channels in and out.
        num_heads: attention heads.
        window: tokens per window side at the input, 0 for global attention.
        pool: whether queries (and so the output) are pooled by 2.
    """

    def __init__(self, dim, dim_out, num_heads, window, pool) -> None:
        super().__init__()
        self.num_heads, self.window, self.pool = num_heads, window, pool
        self.qkv = nn.Linear(dim, dim_out * 3)
        self.proj = nn.Linear(dim_out, dim_out)

    def _split(self, tokens: Tensor, parts: int, window: tuple[int, int]) -> Tensor:
        """Cut [B, H, W, parts * C] into [parts, B * windows, heads, tokens, C / heads]."""
        tokens = tokens.unflatten(-1, (parts, self.num_heads, -1))
        rows, columns = tokens.shape[1] // window[0], tokens.shape[2] // window[1]
        tokens = tokens.unflatten(2, (columns, window[1])).unflatten(1, (rows, window[0]))
        # [B, rows, window, columns, window, parts, heads, C]
        tokens = tokens.permute(5, 0, 1, 3, 6, 2, 4, 7)
        return tokens.flatten(5, 6).flatten(1, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, H, W, dim] to [B, H, W, dim_out], halved in H and W when pooling."""
        batch, height, width, _ = x.shape
        window = (self.window, self.window) if self.window else (height, width)
        pad_bottom, pad_right = -height % window[0], -width % window[1]
        if pad_bottom or pad_right:
            qkv = F.pad(F.linear(x, self.qkv.weight), (0, 0, 0, pad_right, 0, pad_bottom))
            qkv = qkv + self.qkv.bias.to(qkv.dtype)
        else:
            qkv = self.qkv(x)
        if self.pool:
            query, key_value = qkv.tensor_split((qkv.shape[-1] // 3,), dim=-1)
            k, v = self._split(key_value, 2, window)
            query = pool_tokens(query)
            window, height, width = (window[0] // 2, window[1] // 2), height // 2, width // 2
            q = self._split(query, 1, window)[0]
        else:
            query = qkv
            q, k, v = self._split(qkv, 3, window)
        out = F.scaled_dot_product_attention(q, k, v)

        rows, columns = query.shape[1] // window[0], query.shape[2] // window[1]
        out = out.unflatten(2, window).unflatten(0, (batch, rows, columns))
        # [B, rows, columns, heads, window, window, C] -> [B, H, W, heads * C]
        out = out.permute(0, 1, 4, 2, 5, 3, 6).flatten(5, 6).flatten(3, 4).flatten(1, 2)
        return self.proj(out[:, :height, :width])


class HieraBlock(nn.Module):
    """Pre-norm attention and MLP; the first block of a stage doubles the channels and pools."""

    def __init__(self, dim, dim_out, num_heads, window, pool) -> None:
        super().__init__()
        self.pool = pool
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = WindowAttention(dim, dim_out, num_heads, window, pool)
        self.norm2 = nn.LayerNorm(dim_out, eps=1e-6)
        self.mlp = MLP(dim_out, dim_out * 4, dim_out, 2, F.gelu)
        self.proj = nn.Linear(dim, dim_out) if dim != dim_out else None

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, H, W, dim] to [B, H, W, dim_out], halved in H and W when pooling."""
        normed = self.norm1(x)
        if self.proj is not None:
            x = self.proj(normed)
            x = pool_tokens(x) if self.pool else x
        x = x + self.attn(normed)
        return x + self.mlp(self.norm2(x))


class PatchEmbedding(nn.Module):
    """Overlapping 7x7 patches at stride 4."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, dim, 7, stride=4, padding=3)

    def forward(self, images: Tensor) -> Tensor:
        """Map [B, 3, S, S] to tokens [B, S / 4, S / 4, dim]."""
        return self.proj(images).permute(0, 2, 3, 1)


class Hiera(nn.Module):
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
        self._cached_position: tuple | None = None
        ends = [sum(stages[: stage + 1]) - 1 for stage in range(len(stages))]
        self.feature_blocks = tuple(ends)
        blocks, dim = [], embed_dim
        for stage, repeats in enumerate(stages):
            dim_out, heads = embed_dim * 2**stage, num_heads * 2**stage
            for repeat in range(repeats):
                first = stage > 0 and repeat == 0
                # The block that pools still works on the windows of the stage before.
                window = window_sizes[stage - 1 if first else stage]
                window = 0 if len(blocks) in global_blocks else window
                blocks.append(HieraBlock(dim, dim_out, heads, window, pool=first))
                dim = dim_out
        self.blocks = nn.ModuleList(blocks)
        self.channel_list = [embed_dim * 2**stage for stage in reversed(range(len(stages)))]

    def train(self, mode: bool = True) -> Hiera:
        """Switch between training and evaluation; what was cached may be stale after training."""
        self._cached_position = None
        return super().train(mode)

    def _position(self, height: int, width: int) -> Tensor:
        """Return the position embedding [1, height, width, embed_dim], cached without gradients."""
        parameters = (self.pos_embed, self.pos_embed_window)
        # Tensors made in inference mode do not count their changes; a capture has no addresses.
        cachable = not (
            torch.compiler.is_compiling()
            or torch.is_grad_enabled()
            or any(p.is_inference() for p in parameters)
        )
        # In-place changes raise the version, assignments and moves change the storage.
        state = [(p.data_ptr(), p._version) for p in parameters] if cachable else []
        state.append((height, width, self.pos_embed.device))
        if cachable and self._cached_position is not None and self._cached_position[0] == state:
            return self._cached_position[1]
        embedding = F.interpolate(self.pos_embed, size=(height, width), mode='bicubic')
        side = self.pos_embed_window.shape[-1]
        embedding = embedding + self.pos_embed_window.tile(height // side, width // side)
        embedding = embedding.permute(0, 2, 3, 1).contiguous()
        if cachable:
            self._cached_position = (state, embedding)
        return embedding

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the [B, C, H, W] features of [B, 3, S, S] at strides 4, 8, 16 and 32."""
        x = self.patch_embed(images)
        x = x + self._position(x.shape[1], x.shape[2])
        features = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.feature_blocks:
                features.append(x.permute(0, 3, 1, 2))
        return features
