# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""When layers may take oneDNN's fused kernels, which PyTorch takes in compiled code alone."""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor


def takes(x: Tensor, weight: Tensor) -> bool:
    """Whether a layer of these may be oneDNN's: float32 on a CPU, without gradients.

    A capture or an export sees PyTorch's own operations.
    """
    return (
        x.is_cpu
        and x.dtype == weight.dtype == torch.float32
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled('cpu')
        and not torch.compiler.is_compiling()
        and works()
    )


@cache
def works() -> bool:
    """Try the kernels once: their operators are PyTorch's own affair and may change or vanish."""
    if not torch.backends.mkldnn.is_available():
        return False
    x, weight, bias = torch.ones(1, 2, 4, 4), torch.full((2, 2, 1, 1), 0.5), torch.ones(2)
    where = ((0, 0), (1, 1), (1, 1), 1)
    try:
        with torch.no_grad():
            packed = pack_convolution(weight, *where, x.shape)
            results = (
                convolution(x, packed, bias, where, relu6=True),
                convolution(x, packed, bias, where, added=x),
                linear(x, pack_linear(torch.full((3, 4), 0.5)), torch.ones(3), relu=True),
            )
            plain = F.conv2d(x, weight, bias)
            expected = (F.relu6(plain), plain + x, torch.full((1, 2, 4, 3), 3.0))
    except (AttributeError, RuntimeError, TypeError):
        return False
    return all(torch.allclose(*pair) for pair in zip(results, expected, strict=True))


def pack_convolution(weight: Tensor, padding, stride, dilation, groups: int, size) -> Tensor:
    """Bring the kernel of a convolution of maps of this size into oneDNN's own order."""
    return torch.ops.mkldnn._reorder_convolution_weight(
        weight, padding, stride, dilation, groups, size
    )


def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    where: tuple,
    *,
    relu6: bool = False,
    added: Tensor | None = None,
) -> Tensor:
    """Convolve, and clip the result to 0 to 6 or add a map to it.

    Args:
        x: [N, C, H, W].
        weight: kernel in any order.
        bias: [outputs].
        where: padding, stride, dilation and groups.
        relu6, added: at most one of the two.
    """
    if added is not None:
        return torch.ops.mkldnn._convolution_pointwise.binary(
            x, added, weight, bias, *where, 'add', 1.0, None, [], None
        )
    after, limits = ('hardtanh', [0.0, 6.0]) if relu6 else ('none', [])
    return torch.ops.mkldnn._convolution_pointwise(x, weight, bias, *where, after, limits, '')


def pack_linear(weight: Tensor) -> Tensor:
    """Bring the weight of a linear layer [outputs, inputs] into oneDNN's own order."""
    return torch.ops.mkldnn._reorder_linear_weight(weight, None)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, *, relu: bool = False) -> Tensor:
    """Map [..., inputs] by a weight in any order: one that is not packed is packed on the way."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, 'relu' if relu else 'none', [], '')
