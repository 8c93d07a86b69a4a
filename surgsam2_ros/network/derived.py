# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tensors that modules compute from their parameters, and keep when they are prepared for it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import torch
from torch import Tensor, nn


class Deriving(nn.Module):
    """A module that computes tensors from its parameters: joined, stretched or packed weights.

    It does so at every call until `keep_derived` says that the parameters stay as they are.
    Nothing else tells: not every optimiser raises the version of a tensor that it writes. A new
    state, device or type is followed; `train` and `eval` end the keeping.
    """

    _kept: dict[Hashable, Tensor] | None = None

    @property
    def keeps_derived(self) -> bool:
        """Whether parameters are taken to stay as they are."""
        return self._kept is not None

    def keep_derived(self, keep: bool) -> None:
        """Forget what was derived; keep what is derived from now on, or nothing."""
        self._kept = {} if keep else None

    def train(self, mode: bool = True) -> Deriving:
        """Set training or evaluation mode."""
        self.keep_derived(False)
        return super().train(mode)

    def _apply(self, *arguments: Any, **options: Any) -> Deriving:
        result = super()._apply(*arguments, **options)
        self.keep_derived(self.keeps_derived)
        return result

    def _load_from_state_dict(self, *arguments: Any) -> None:
        super()._load_from_state_dict(*arguments)
        self.keep_derived(self.keeps_derived)

    def derived(self, key: Hashable, compute: Callable[..., Tensor], *parameters: Tensor) -> Tensor:
        """Return `compute(*parameters)`, kept under the key.

        Captured code, and code that gradients are recorded of, computes it anew.
        """
        kept = self._kept  # another thread may have it forgotten meanwhile
        if kept is None or torch.compiler.is_compiling() or torch.is_grad_enabled():
            return compute(*parameters)
        if key not in kept:
            kept[key] = compute(*parameters)
        return kept[key]

    def __getstate__(self) -> dict[str, Any]:
        """Leave a copied or unpickled module to derive its own."""
        state = self.__dict__.copy()
        if self._kept is not None:
            state['_kept'] = {}
        return state


def keep_derived(network: nn.Module, keep: bool) -> None:
    """Call `keep_derived` of all the modules that derive tensors."""
    for module in network.modules():
        if isinstance(module, Deriving):
            module.keep_derived(keep)
