# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Convolutions that clip or add as they write their result, with oneDNN on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from surgsam2_ros.network import onednn
from surgsam2_ros.network.derived import Deriving


class Conv2d(Deriving, nn.Conv2d):
    """A convolution; prepared for inference, it is oneDNN's on a CPU, its weight in their order.

    Args:
        inputs, outputs: channels.
        kernel, stride, padding, groups: as of `torch.nn.Conv2d`.
        arrange: what makes of the weight the kernel that is convolved with; a function of a module.
    """

    def __init__(
        self, inputs, outputs, kernel, stride=1, padding=0, groups=1, arrange=None
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, padding, groups=groups)
        self._arrange = arrange or _as_it_is

    def forward(self, x: Tensor, *, relu6: bool = False, added: Tensor | None = None) -> Tensor:
        """Convolve [N, C, H, W].

        Args:
            x: [N, inputs, H, W].
            relu6: whether the result is clipped to 0 to 6.
            added: of the shape of the result, added to it; not together with ``relu6``.
        """
        if self.keeps_derived and onednn.takes(x, self.weight):
            return self._by_onednn(x, relu6, added)
        y = self.convolve(x)
        if relu6:
            return F.relu6(y)
        return y if added is None else added + y

    def convolve(self, x: Tensor) -> Tensor:
        """Convolve with PyTorch's own operations."""
        return self._conv_forward(x, self._arrange(self.weight), self.bias)

    def _by_onednn(self, x: Tensor, relu6: bool, added: Tensor | None) -> Tensor:
        where = (self.padding, self.stride, self.dilation, self.groups)
        size = (1, *x.shape[1:])
        pack = partial(_pack, arrange=self._arrange, packing=(*where, size))
        weight = self.derived(size, pack, self.weight)
        return onednn.convolution(x, weight, self.bias, where, relu6=relu6, added=added)


def _as_it_is(weight: Tensor) -> Tensor:
    return weight


def _pack(weight: Tensor, arrange: Callable[[Tensor], Tensor], packing: tuple) -> Tensor:
    kernel = arrange(weight).contiguous()
    return onednn.pack_convolution(kernel, *packing)
