# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Linear layers; large ones are oneDNN's on a CPU."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from surgsam2_ros.network import onednn
from surgsam2_ros.network.derived import Deriving

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
    if _is_for_onednn(x, weight):
        return onednn.linear(x, weight, bias, relu=relu)
    return _by_pytorch(x, weight, bias, relu)


class Linear(Deriving, nn.Linear):
    """A linear layer, see `linear`; prepared, a large one has its weight in oneDNN's order."""

    def forward(self, x: Tensor, *, relu: bool = False) -> Tensor:
        """Map [..., in_features] to [..., out_features]."""
        if self.keeps_derived and _is_for_onednn(x, self.weight):
            weight = self.derived('packed', onednn.pack_linear, self.weight)
            return onednn.linear(x, weight, self.bias, relu=relu)
        return _by_pytorch(x, self.weight, self.bias, relu)


def _by_pytorch(x: Tensor, weight: Tensor, bias: Tensor | None, relu: bool) -> Tensor:
    y = F.linear(x, weight, bias)
    return F.relu(y) if relu else y


def _is_for_onednn(x: Tensor, weight: Tensor) -> bool:
    return onednn.takes(x, weight) and x.numel() * weight.shape[0] >= _LARGE
