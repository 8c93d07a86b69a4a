# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Memory attention: conditions the features of a frame on the memory tokens of each object."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from surgsam2_ros.network.derived import Deriving
from surgsam2_ros.network.frame_tensors import MemoryTokens
from surgsam2_ros.network.layers import Attention
from surgsam2_ros.network.linear import Linear, linear
from surgsam2_ros.network.position_encoding import (
    full_precision,
    rotary_tables,
    sine_position_2d,
)

_ROWS_AT_ONCE = 512  # queries whose scores are held at a time: 2 kB per key and head
_SCORES_AT_ONCE = 2**23  # scores of a head that are held at a time on a CPU: 32 MB


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate channel pairs; x is [..., tokens, C] with pair members in the two halves of C."""
    first, second = x.chunk(2, dim=-1)
    swapped = torch.cat((second, first), dim=-1)
    rotated = torch.addcmul(x * cos, swapped, sin)
    return rotated if rotated.dtype == x.dtype else rotated.to(x.dtype)


def attend_rows(q: Tensor, k: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """Attention whose values, shared by the heads, have another width than the keys.

    Args:
        q: [1 | N, heads, Lq, C].
        k: [N, heads, L, C].
        values: [N, L, Cv].
        mask: bool [N, 1, 1, L], True = attend, or None.

    Returns:
        [N, heads, Lq, Cv].
    """
    if not q.is_cpu:
        q = q.expand(k.shape[0], -1, -1, -1)
        values = values.to(q.dtype)[:, None].expand(-1, k.shape[1], -1, -1)
        return F.scaled_dot_product_attention(q, k, values, attn_mask=mask)
    # The fused kernel of CPUs takes no such values; plain products are faster than padding them.
    q = q * q.shape[-1] ** -0.5
    if not torch.compiler.is_compiling():
        return _attend_head_by_head(q, k, values, mask)
    keys, values = k.transpose(2, 3), values[:, None]
    attended = []
    for rows in q.split(_ROWS_AT_ONCE, dim=2):
        scores = rows @ keys
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        attended.append(scores.softmax(dim=-1) @ values)
    return torch.cat(attended, dim=2)


def _attend_head_by_head(q: Tensor, k: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """Attend with scaled queries; both products of a head have the form of a linear layer."""
    heads, length = k.shape[1:3]
    rows_at_once = max(1, _SCORES_AT_ONCE // length)
    queries, keys = q.flatten(0, 1).unbind(), k.flatten(0, 1).unbind()
    columns = values.transpose(1, 2).unbind()
    attended = []
    for index, key in enumerate(keys):
        query, n = queries[index % len(queries)], index // heads
        for rows in query.split(rows_at_once) if len(query) > rows_at_once else (query,):
            scores = linear(rows, key)
            if mask is not None:
                scores = scores.masked_fill_(~mask[n, 0], -torch.inf)
            attended.append(linear(scores.softmax(dim=-1), columns[n]))
    return torch.cat(attended).view(*k.shape[:2], q.shape[2], -1)


def _reordered(parameter: Tensor, num_heads: int) -> Tensor:
    """Sort the outputs of a projection: first all first members of pairs, head by head."""
    return parameter.unflatten(0, (num_heads, -1, 2)).transpose(1, 2).flatten(0, 2)


def _joined_weight(value: Tensor, output: Tensor, num_heads: int) -> Tensor:
    """Weight of the value projection of every head and the output projection in one."""
    value = value.unflatten(0, (num_heads, -1))  # [heads, C, Cv]
    output = output.unflatten(1, (num_heads, -1))  # [dim, heads, C]
    with full_precision(value.device):
        return torch.einsum('ohc,hcv->ohv', output.float(), value.float()).flatten(1)


def _joined_bias(value: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Bias of the value projection and the output projection in one."""
    with full_precision(value.device):
        return F.linear(value.float(), weight.float(), bias.float())


class RotaryAttention(Deriving, Attention):
    """Attention with axial rotary position encoding of queries and spatial keys.

    The projections produce the channels of a pair next to each other (as the checkpoints have
    them). They are taken in the order [first members, second members] here, which rotates faster
    and leaves the scores as they are.

    The value projection is linear and attention weights sum to one: unless training, memory is
    attended to as it is, and projected after that; see `projects_first` for GPUs.

    While training, a share `dropout` of the attention weights is dropped.
    """

    dropout = 0.0

    def __init__(self, dim, num_heads, key_dim=None) -> None:
        super().__init__(dim, num_heads, key_dim=key_dim)
        self._reorder = partial(_reordered, num_heads=num_heads)
        self._join_weights = partial(_joined_weight, num_heads=num_heads)

    def queries(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Project and rotate [N, HW, C] to [N, heads, HW, head_dim]."""
        return rotate(self.split_heads(linear(x, *self._layer('q'))), cos, sin)

    def keys(
        self,
        x: Tensor,
        cos: Tensor,
        sin: Tensor,
        unrotated: int = 0,
        cells: Tensor | None = None,
    ) -> Tensor:
        """Project [N, L, C]; rotate all but the last ``unrotated`` tokens.

        They are whole maps, one after the other, unless ``cells`` int64 [N, L - unrotated] says
        which cell each belongs to.
        """
        k = self.split_heads(linear(x, *self._layer('k')))
        spatial = k.shape[2] - unrotated
        if cells is None:
            maps = k[:, :, :spatial].unflatten(2, (-1, cos.shape[0]))
            rotated = rotate(maps, cos, sin).flatten(2, 3)
        else:
            rotated = rotate(k[:, :, :spatial], cos[cells][:, None], sin[cells][:, None])
        return torch.cat((rotated, k[:, :, spatial:]), dim=2) if unrotated else rotated

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attend with prepared heads and v [N, L, C] not yet projected; returns [N, HW, dim]."""
        if self.training or self.projects_first(q, v):
            v = self.split_heads(self.v_proj(v))
            q = q.expand(k.shape[0], -1, -1, -1)
            dropout = self.dropout if self.training else 0.0
            out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
            return self.out_proj(out.transpose(1, 2).flatten(2))
        out = attend_rows(q, k, v, mask).transpose(1, 2).flatten(2)
        value, output = self.v_proj, self.out_proj
        weight = self.derived('value weight', self._join_weights, value.weight, output.weight)
        bias = self.derived('value bias', _joined_bias, value.bias, output.weight, output.bias)
        return linear(out, weight, bias)

    def projects_first(self, q: Tensor, v: Tensor) -> bool:
        """Whether values are projected before they are attended to.

        The flash kernels of GPUs, which are for half precision, take values as wide as the keys
        alone; what these save is more than the wider values cost.
        """
        half = q.dtype in (torch.bfloat16, torch.float16)
        return half and not q.is_cpu and v.shape[-1] != q.shape[-1]

    def _layer(self, name: str) -> tuple[Tensor, Tensor]:
        """Weight and bias of the projection of queries ('q') or keys ('k'), in our order."""
        layer = self.q_proj if name == 'q' else self.k_proj
        return (
            self.derived(f'{name} weight', self._reorder, layer.weight),
            self.derived(f'{name} bias', self._reorder, layer.bias),
        )


class MemoryAttentionLayer(nn.Module):
    """Self-attention of the frame, cross-attention to the memory, feed-forward; all pre-norm.

    While training, a share `dropout` of what each of them adds is dropped.
    """

    dropout = 0.0

    def __init__(self, dim, memory_dim, feedforward_dim, num_heads, self_attention=True) -> None:
        super().__init__()
        self.self_attn = RotaryAttention(dim, num_heads) if self_attention else None
        self.cross_attn_image = RotaryAttention(dim, num_heads, key_dim=memory_dim)
        self.linear1 = Linear(dim, feedforward_dim)
        self.linear2 = Linear(feedforward_dim, dim)
        self.norm1 = nn.LayerNorm(dim) if self_attention else None
        self.norm2 = nn.LayerNorm(dim)
        self.norm3 = nn.LayerNorm(dim)

    def forward(self, x, keys, memory: MemoryTokens, mask, tables, key_tables) -> Tensor:
        """Update the tokens [1 | N, HW, dim]; the batch grows to N at the cross-attention.

        Args:
            x: tokens of the frame.
            keys: memory features with their position added, [N, L, memory_dim].
            memory: the memory tokens.
            mask: bool [N, 1, 1, L], True = attend, or None.
            tables: rotary cosines and sines [HW, head_dim] of the frame.
            key_tables: those of a memory map.
        """
        attention = self.self_attn
        if attention is not None:
            normed = self.norm1(x)
            added = attention.attend(
                attention.queries(normed, *tables), attention.keys(normed, *tables), normed
            )
            x = x + self._drop(added)
        attention = self.cross_attn_image
        q = attention.queries(self.norm2(x), *tables)
        k = attention.keys(keys, *key_tables, memory.num_pointer_tokens, memory.cells)
        x = x + self._drop(attention.attend(q, k, memory.features, mask))
        hidden = self._drop(self.linear1(self.norm3(x), relu=True))
        return x + self._drop(self.linear2(hidden))

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout) if self.training else x


class MemoryAttention(nn.Module):
    """Stack of memory attention layers.

    Args:
        dim: channels of the frame features.
        memory_dim: channels of the memory tokens.
        feedforward_dim: hidden channels of the feed-forward part.
        num_heads: heads of both attentions.
        num_layers: number of layers.
        grid_size: cells per side of the frame features.
        self_attention_layers: layers, the first ones, that attend to the frame itself as well;
            None: all.
        pool: cells of the frame, per side, in a cell of a memory.
    """

    def __init__(
        self,
        dim,
        memory_dim,
        feedforward_dim,
        num_heads,
        num_layers,
        grid_size,
        *,
        self_attention_layers=None,
        pool=1,
    ) -> None:
        super().__init__()
        attending = num_layers if self_attention_layers is None else self_attention_layers
        self.layers = nn.ModuleList(
            MemoryAttentionLayer(dim, memory_dim, feedforward_dim, num_heads, index < attending)
            for index in range(num_layers)
        )
        self.norm = nn.LayerNorm(dim)
        cos, sin = rotary_tables(grid_size, dim // num_heads)
        self.register_buffer('rotary_cos', cos, persistent=False)
        self.register_buffer('rotary_sin', sin, persistent=False)
        self.pooled = pool > 1
        if self.pooled:
            cos, sin = rotary_tables(grid_size, dim // num_heads, pool=pool)
            self.register_buffer('memory_cos', cos, persistent=False)
            self.register_buffer('memory_sin', sin, persistent=False)
        self.register_buffer(
            'position', 0.1 * sine_position_2d(grid_size, grid_size, dim), persistent=False
        )

    def set_dropout(self, share: float) -> None:
        """Drop this share of attention weights and activations while training (SAM 2: 0.1)."""
        for layer in self.layers:
            for module in (layer, layer.self_attn, layer.cross_attn_image):
                if module is not None:
                    module.dropout = share

    def forward(self, features: Tensor, memory: MemoryTokens) -> Tensor:
        """Condition features [1 | N, dim, h, w] on the memory of N objects; returns [N, dim, h, w].

        With a batch of 1 the work before the first look at the memory is shared by the objects.
        """
        height = features.shape[-2]
        # Tokens that are spread in memory would be copied by every norm.
        x = features.flatten(2).transpose(1, 2).contiguous() + self.position
        keys = memory.features + memory.position
        mask = None if memory.key_mask is None else memory.key_mask[:, None, None]
        tables = key_tables = (self.rotary_cos, self.rotary_sin)
        if self.pooled:
            key_tables = (self.memory_cos, self.memory_sin)
        for layer in self.layers:
            x = layer(x, keys, memory, mask, tables, key_tables)
        return self.norm(x).transpose(1, 2).unflatten(2, (height, -1))
