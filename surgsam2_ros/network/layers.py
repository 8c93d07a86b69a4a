# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Layers shared by the parts of the network: MLP, channel layer norm, attention."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from surgsam2_ros.network.linear import Linear


class MLP(nn.Module):
    """Linear layers with an activation between them.

    Args:
        input_dim, hidden_dim, output_dim: channels.
        num_layers: number of linear layers, at least 1.
        activation: function applied after every layer but the last.
    """

    def __init__(self, input_dim, hidden_dim, output_dim, num_layers, activation=F.relu) -> None:
        super().__init__()
        widths = [input_dim] + [hidden_dim] * (num_layers - 1) + [output_dim]
        self.layers = nn.ModuleList(Linear(a, b) for a, b in pairwise(widths))
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Map [..., input_dim] to [..., output_dim]."""
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)


class LayerNorm2d(nn.Module):
    """Layer norm over the channels of [N, C, H, W]; large ones become channels-last in memory."""

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise [N, C, H, W]."""
        if self.weight.numel() < 16:
            return self._normalise_planes(x)
        x = x.permute(0, 2, 3, 1)
        x = F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)

    def _normalise_planes(self, x: Tensor) -> Tensor:
        """Normalise plane by plane: CPUs are slow with many rows of few channels."""
        x = x.float().contiguous()
        x = x - x.mean(dim=1, keepdim=True)
        x = x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + self.eps)
        return torch.addcmul(self.bias[:, None, None], x, self.weight[:, None, None])


class Attention(nn.Module):
    """Multi-head attention with separate projections and an optional narrower inner width.

    Args:
        dim: channels of queries and output.
        num_heads: heads; must divide ``dim // downsample_rate``.
        downsample_rate: outer width divided by inner width.
        key_dim: channels of keys and values when they differ from ``dim``.
    """

    def __init__(self, dim, num_heads, downsample_rate=1, key_dim=None) -> None:
        super().__init__()
        inner = dim // downsample_rate
        if inner % num_heads:
            raise ValueError(f'{num_heads} attention heads do not divide {inner} channels')
        self.num_heads = num_heads
        key_dim = dim if key_dim is None else key_dim
        self.q_proj = Linear(dim, inner)
        self.k_proj = Linear(key_dim, inner)
        self.v_proj = Linear(key_dim, inner)
        self.out_proj = Linear(inner, dim)

    def split_heads(self, x: Tensor) -> Tensor:
        """View [N, L, C] as [N, heads, L, C / heads]."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attend from [N, Lq, dim] to [N, Lk, key_dim]; returns [N, Lq, dim]."""
        out = F.scaled_dot_product_attention(
            self.split_heads(self.q_proj(q)),
            self.split_heads(self.k_proj(k)),
            self.split_heads(self.v_proj(v)),
        )
        return self.out_proj(out.transpose(1, 2).flatten(2))


class TokenAttention(Attention):
    """Attention between few tokens and a whole image, either of which asks.

    Projecting the image costs more than anything else here. Where the tokens of all heads together
    are fewer than the inner channels, the projections of the image are applied to the tokens
    instead: (x W) k = x (W k), and sum(p (x W)) = sum(p x) W. Not so while gradients are
    recorded: every parameter has its part in them.

    Args:
        see `Attention`.
    """

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attend from [N, Lq, dim] to [N, Lk, dim]; returns [N, Lq, dim]."""
        few = self.q_proj.out_features // self.num_heads  # channels of a head
        if torch.is_grad_enabled():
            return super().forward(q, k, v)
        if q.shape[1] < min(few, k.shape[1]):
            return self._ask_image(q, k, v)
        if k.shape[1] < min(few, q.shape[1]):
            return self._ask_tokens(q, k, v)
        return super().forward(q, k, v)

    def _ask_image(self, tokens: Tensor, places: Tensor, image: Tensor) -> Tensor:
        """Attend from tokens [N, T, dim] to an image [N, L, dim].

        The bias of the keys adds the same to all scores of a token, which a softmax forgets.
        """
        asked = self.split_heads(self.q_proj(tokens) * self._scale)  # [N, h, T, C]
        asked = asked @ self._of_heads(self.k_proj.weight)  # [N, h, T, dim]
        shares = (asked.flatten(1, 2) @ places.transpose(1, 2)).softmax(dim=-1)  # [N, hT, L]
        seen = (shares @ image).unflatten(1, (self.num_heads, -1))  # [N, h, T, dim]
        seen = seen @ self._of_heads(self.v_proj.weight).transpose(1, 2)  # [N, h, T, C]
        return self.out_proj(seen.transpose(1, 2).flatten(2) + self.v_proj.bias)

    def _ask_tokens(self, image: Tensor, places: Tensor, tokens: Tensor) -> Tensor:
        """Attend from an image [N, L, dim] to tokens [N, T, dim]."""
        keys = self.split_heads(self.k_proj(places) * self._scale)  # [N, h, T, C]
        offset = keys @ self.q_proj.bias.view(self.num_heads, -1, 1)  # [N, h, T, 1]
        keys = (keys @ self._of_heads(self.q_proj.weight)).flatten(1, 2)  # [N, hT, dim]
        scores = (keys @ image.transpose(1, 2)).unflatten(1, offset.shape[1:3])  # [N, h, T, L]
        shares = (scores + offset).softmax(dim=2).flatten(1, 2)  # [N, hT, L]
        values = self.split_heads(self.v_proj(tokens))  # [N, h, T, C]
        values = values @ self._of_heads(self.out_proj.weight.t())  # [N, h, T, dim]
        return shares.transpose(1, 2) @ values.flatten(1, 2) + self.out_proj.bias

    @property
    def _scale(self) -> float:
        return (self.q_proj.out_features // self.num_heads) ** -0.5

    def _of_heads(self, weight: Tensor) -> Tensor:
        """View [h * C, dim] as [h, C, dim]."""
        return weight.unflatten(0, (self.num_heads, -1))
