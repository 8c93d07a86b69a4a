# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tensors that are computed from parameters, and kept while these stay the same."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


class Derived:
    """A tensor computed from parameters; while no gradients are asked for, kept until they change.

    Args:
        compute: makes the tensor from the parameters.
    """

    def __init__(self, compute: Callable[..., Tensor]) -> None:
        self._compute = compute
        self._state: list[tuple[int, int]] | None = None

    def __call__(self, *parameters: Tensor) -> Tensor:
        """Return the tensor that belongs to these parameters."""
        # Asked first: a capture does not know whether a tensor was made in inference mode.
        if torch.compiler.is_compiling() or torch.is_grad_enabled():
            return self._compute(*parameters)
        if any(p.is_inference() for p in parameters):
            return self._compute(*parameters)
        # Writing into a parameter raises its version; moving it changes its address.
        state = [(p.data_ptr(), p._version) for p in parameters]
        if state != self._state:
            self._value, self._state = self._compute(*parameters), state
            self._held = [p.detach() for p in parameters]  # no other tensor gets these addresses
        return self._value

    def __reduce__(self) -> tuple[type[Derived], tuple[Callable[..., Tensor]]]:
        """Leave a copied or unpickled module to derive its own."""
        return Derived, (self._compute,)
