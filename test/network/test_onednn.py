# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""oneDNN's kernels are taken where they are there and right, and PyTorch's own else."""

from __future__ import annotations

import pytest
import torch
from kernel_names import kernels_of

from surgsam2_ros.network import onednn
from surgsam2_ros.network.convolution import Conv2d


@pytest.fixture(autouse=True)
def _probed_anew():
    onednn.works.cache_clear()
    yield
    onednn.works.cache_clear()


def missing(*_arguments, **_options):
    raise AttributeError("'_OpNamespace' 'mkldnn' object has no attribute '_convolution_pointwise'")


def other_arguments(*_arguments, **_options):
    raise RuntimeError('mkldnn::_linear_pointwise() expected at most 5 arguments')


def wrong(x, weight, bias, **_options):
    return torch.nn.functional.linear(x, weight, bias)  # forgets to clip


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason='PyTorch without oneDNN')
def test_this_pytorch_has_them():
    assert onednn.works()


@pytest.mark.parametrize(
    'name, operator', [('convolution', missing), ('linear', other_arguments), ('linear', wrong)]
)
def test_layers_fall_back_when_one_is_missing_or_wrong(monkeypatch, name, operator):
    monkeypatch.setattr(onednn, name, operator)
    if operator is wrong:
        monkeypatch.setattr(onednn, 'pack_linear', lambda weight: -weight)
    assert not onednn.works()
    conv, x = Conv2d(4, 4, 3, padding=1), torch.randn(1, 4, 8, 8)
    conv.keep_derived(True)
    with torch.inference_mode():
        assert '_convolution_pointwise' not in kernels_of(lambda: conv(x, added=x))
        expected = torch.nn.functional.conv2d(x, conv.weight, conv.bias, padding=1) + x
        torch.testing.assert_close(conv(x, added=x), expected)
