# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""When layers may take oneDNN's fused kernels, which PyTorch takes in compiled code alone."""

from __future__ import annotations

import torch
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
        and torch.backends.mkldnn.is_available()
    )
