# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Convolutions give one answer by PyTorch's kernel and by oneDNN's, and follow their weights."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from kernel_names import kernels_of

from surgsam2_ros.network.convolution import Conv2d
from surgsam2_ros.network.efficientnet_lite import EfficientNetLite0, SameConv2d

needs_onednn = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason='this PyTorch has no oneDNN'
)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def prepared(conv):
    """Let a convolution take its weights for those of inference."""
    conv.keep_derived(True)
    return conv


def same_padding(x, conv):
    """Convolve in double precision with TensorFlow's padding written out."""
    kernel, stride = conv.kernel_size[0], conv.stride[0]
    total = max(kernel - stride, 0)
    x = F.pad(x.double(), (total // 2, total - total // 2) * 2)
    return F.conv2d(x, conv.weight.double(), conv.bias.double(), stride, groups=conv.groups)


@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('kernel, stride, groups', [(1, 1, 1), (3, 1, 8), (3, 2, 1), (5, 2, 8)])
@pytest.mark.parametrize('after', ['nothing', 'relu6', 'added'])
@pytest.mark.parametrize('mode', [torch.inference_mode, torch.enable_grad])
def test_it_pads_as_tensorflow_and_then_clips_or_adds(
    kernel, stride, groups, after, memory_format, mode
):
    conv = prepared(SameConv2d(8, 16, kernel, stride, groups))
    x = 9 * torch.randn(2, 8, 12, 10).contiguous(memory_format=memory_format)
    expected = same_padding(x, conv)
    added = torch.randn(expected.shape).contiguous(memory_format=memory_format)
    with mode():
        if after == 'relu6':
            expected, found = expected.clamp(0, 6), conv(x, relu6=True)
            assert found.max() == 6.0
        elif after == 'added':
            expected, found = expected + added, conv(x, added=added)
        else:
            found = conv(x)
    torch.testing.assert_close(found.double(), expected, atol=2e-5, rtol=1e-5)


@needs_onednn
def test_without_gradients_it_is_one_operation():
    conv, x = prepared(Conv2d(8, 16, 3, padding=1)), torch.randn(1, 8, 12, 12)
    with torch.inference_mode():
        conv(x)  # packs the weight
        assert kernels_of(lambda: conv(x, relu6=True)) == ['_convolution_pointwise']
        added = conv(x)
        assert kernels_of(lambda: conv(x, added=added)) == ['_convolution_pointwise']


def test_what_is_added_stays_as_it_is():
    conv, x = prepared(Conv2d(8, 8, 1)), torch.randn(1, 8, 12, 12)
    with torch.inference_mode():
        before = x.clone()
        conv(x, added=x)
        assert torch.equal(x, before)


def test_it_takes_maps_of_several_sizes():
    conv = prepared(Conv2d(8, 16, 3, padding=1))
    with torch.inference_mode():
        for side in (12, 20, 12):
            x = torch.randn(3, 8, side, side)
            expected = F.conv2d(x, conv.weight, conv.bias, padding=1)
            torch.testing.assert_close(conv(x), expected, atol=1e-5, rtol=1e-5)


def test_it_follows_a_state_a_copy_and_training():
    conv, x = prepared(Conv2d(8, 16, 3, padding=1)), torch.randn(1, 8, 12, 12)

    def check(one):
        with torch.inference_mode():
            expected = F.conv2d(x, one.weight, one.bias, padding=1)
            torch.testing.assert_close(one(x), expected, atol=1e-5, rtol=1e-5)

    check(conv)
    conv.load_state_dict(torch.nn.Conv2d(8, 16, 3).state_dict())
    check(conv)
    other = copy.deepcopy(conv)
    with torch.no_grad():
        other.weight.mul_(-2)
    check(other)
    check(conv)
    with torch.no_grad():
        conv.train().weight.mul_(-2)
    check(conv)


def test_gradients_flow_after_a_call_without_them():
    conv, x = prepared(SameConv2d(8, 16, 3, 2)), torch.randn(1, 8, 12, 12, requires_grad=True)
    with torch.inference_mode():
        conv(x)
    conv(x, relu6=True).sum().backward()
    y = same_padding(x, conv)
    active = ((y > 0) & (y < 6)).float()
    torch.testing.assert_close(conv.bias.grad, active.sum((0, 2, 3)))
    assert x.grad.abs().sum() > 0


def test_it_travels_to_another_process():
    conv, x = prepared(SameConv2d(8, 16, 3, 2)), torch.randn(1, 8, 12, 12)
    with torch.inference_mode():
        expected = conv(x)
        assert torch.equal(pickle.loads(pickle.dumps(conv))(x), expected)


def test_autocast_has_its_own_kernel():
    with torch.inference_mode(), torch.autocast('cpu', torch.bfloat16):
        assert prepared(Conv2d(8, 16, 1))(torch.randn(1, 8, 4, 4)).dtype == torch.bfloat16


def test_its_state_is_that_of_a_plain_layer():
    assert set(Conv2d(8, 16, 3).state_dict()) == {'weight', 'bias'}


def test_a_whole_trunk_is_the_same_by_both_ways():
    trunk, image = EfficientNetLite0().eval(), torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        fused = trunk(image)
    plain = trunk(image)  # with gradients
    for a, b in zip(fused, plain, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)
