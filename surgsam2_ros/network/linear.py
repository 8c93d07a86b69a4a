# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Linear layers; large ones are oneDNN's on a CPU."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from surgsam2_ros.network import onednn
from surgsam2_ros.network.derived import Derived

_LARGE = 2**22  # multiply-adds below which choosing oneDNN's kernel costs more than it saves


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, relu: bool = False) -> Tensor:
    """Compute `F.linear`, followed by a ReLU if asked for.

    On a CPU PyTorch's own linear layer writes the bias in a pass before the matrix product, and
    the ReLU takes another one after it. oneDNN adds and clips as it writes the product.

    Args:
        x: [..., inputs].
        weight: [outputs, inputs].
        bias: [outputs].
        relu: whether negative values become 0.

    Returns:
        [..., outputs].
    """
    by = _by_onednn if _is_for_onednn(x, weight) else _by_pytorch
    return by(x, weight, bias, relu)


class Linear(nn.Linear):
    """A linear layer, see `linear`; a large one keeps its weight in oneDNN's own order as well."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self._packed = Derived(_pack)

    def forward(self, x: Tensor, *, relu: bool = False) -> Tensor:
        """Map [..., in_features] to [..., out_features]."""
        if _is_for_onednn(x, self.weight):
            return _by_onednn(x, self._packed(self.weight), self.bias, relu)
        return _by_pytorch(x, self.weight, self.bias, relu)


def _by_pytorch(x: Tensor, weight: Tensor, bias: Tensor | None, relu: bool) -> Tensor:
    y = F.linear(x, weight, bias)
    return F.relu(y) if relu else y


def _by_onednn(x: Tensor, weight: Tensor, bias: Tensor | None, relu: bool) -> Tensor:
    """Compute it with a weight in any order: one that is not packed is packed on the way."""
    after = 'relu' if relu else 'none'
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, after, [], '')


def _pack(weight: Tensor) -> Tensor:
    return torch.ops.mkldnn._reorder_linear_weight(weight, None)


def _is_for_onednn(x: Tensor, weight: Tensor) -> bool:
    return x.numel() * weight.shape[0] >= _LARGE and onednn.takes(x, weight)
