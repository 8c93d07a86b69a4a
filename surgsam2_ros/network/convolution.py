# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Convolutions that clip or add as they write their result, with oneDNN on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from surgsam2_ros.network import onednn
from surgsam2_ros.network.derived import Derived

_RELU6 = ('hardtanh', [0.0, 6.0])
_NOTHING = ('none', [])


class Conv2d(nn.Conv2d):
    """A convolution; where oneDNN takes it, its weight is kept in oneDNN's own order as well.

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
        self._packed: dict[tuple[int, ...], Derived] = {}  # by the size of the maps

    def forward(self, x: Tensor, *, relu6: bool = False, added: Tensor | None = None) -> Tensor:
        """Convolve [N, C, H, W].

        Args:
            x: [N, inputs, H, W].
            relu6: whether the result is clipped to 0 to 6.
            added: of the shape of the result, added to it; not together with ``relu6``.
        """
        if onednn.takes(x, self.weight):
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
        if size not in self._packed:
            pack = partial(_pack, arrange=self._arrange, packing=(*where, size))
            self._packed[size] = Derived(pack)
        layer = (self._packed[size](self.weight), self.bias)
        if added is None:
            after, limits = _RELU6 if relu6 else _NOTHING
            return torch.ops.mkldnn._convolution_pointwise(x, *layer, *where, after, limits, '')
        return torch.ops.mkldnn._convolution_pointwise.binary(
            x, added, *layer, *where, 'add', 1.0, None, [], None
        )


def _as_it_is(weight: Tensor) -> Tensor:
    return weight


def _pack(weight: Tensor, arrange: Callable[[Tensor], Tensor], packing: tuple) -> Tensor:
    kernel = arrange(weight).contiguous()
    return torch.ops.mkldnn._reorder_convolution_weight(kernel, *packing)
