# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Linear layers give one answer by PyTorch's kernel and by oneDNN's, and follow their weights."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from kernel_names import kernels_of

from surgsam2_ros.network.linear import Linear, linear

INPUTS, OUTPUTS = 64, 512
FEW, MANY = 8, 2048  # rows of a product left to PyTorch, and of one that is oneDNN's

needs_onednn = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason='this PyTorch has no oneDNN'
)


@pytest.fixture(name='layer')
def _layer():
    torch.manual_seed(0)
    layer = Linear(INPUTS, OUTPUTS)
    layer.keep_derived(True)
    return layer


@pytest.mark.parametrize('rows', [FEW, MANY])
@pytest.mark.parametrize('relu', [False, True])
@pytest.mark.parametrize('has_bias', [False, True])
def test_it_is_a_product_a_bias_and_a_clip(layer, rows, relu, has_bias):
    x = torch.randn(2, rows, INPUTS)
    bias = layer.bias if has_bias else None
    with torch.inference_mode():
        expected = x.double() @ layer.weight.double().T
        if has_bias:
            expected = expected + bias.double()
        if relu:
            expected = expected.clamp(min=0)
        found = linear(x, layer.weight, bias, relu=relu)
        torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=1e-5)
        if has_bias:
            torch.testing.assert_close(layer(x, relu=relu), found, atol=1e-6, rtol=1e-6)


def test_spread_inputs_are_taken_as_they_are_read(layer):
    x = torch.randn(INPUTS, MANY).T
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), layer(x.contiguous()), atol=1e-6, rtol=1e-6)


@needs_onednn
def test_large_products_alone_are_onednns(layer):
    with torch.inference_mode():
        assert '_linear_pointwise' in kernels_of(lambda: layer(torch.randn(MANY, INPUTS)))
        assert '_linear_pointwise' not in kernels_of(lambda: layer(torch.randn(FEW, INPUTS)))


@needs_onednn
def test_a_weight_is_packed_once(layer):
    x = torch.randn(MANY, INPUTS)
    with torch.inference_mode():
        assert '_reorder_linear_weight' in kernels_of(lambda: layer(x))
        assert '_reorder_linear_weight' not in kernels_of(lambda: layer(x))


def test_it_follows_a_state_a_copy_and_training(layer):
    x = torch.randn(MANY, INPUTS)

    def check(one):
        with torch.inference_mode():
            expected = F.linear(x, one.weight, one.bias)
            torch.testing.assert_close(one(x), expected, atol=1e-5, rtol=1e-5)

    check(layer)
    layer.load_state_dict(torch.nn.Linear(INPUTS, OUTPUTS).state_dict())
    check(layer)
    other = copy.deepcopy(layer)
    with torch.no_grad():
        other.weight.mul_(-2)
    check(other)
    check(layer)
    with torch.no_grad():
        layer.train().weight.mul_(-2)
    check(layer)


def test_gradients_flow_after_a_call_without_them(layer):
    x = torch.randn(MANY, INPUTS, requires_grad=True)
    with torch.inference_mode():
        layer(x)
    layer(x, relu=True).sum().backward()
    active = (F.linear(x, layer.weight, layer.bias) > 0).float()
    torch.testing.assert_close(layer.bias.grad, active.sum(0))
    torch.testing.assert_close(x.grad, active @ layer.weight, atol=1e-4, rtol=1e-4)


def test_it_travels_to_another_process(layer):
    x = torch.randn(MANY, INPUTS)
    with torch.inference_mode():
        expected = layer(x)
        assert torch.equal(pickle.loads(pickle.dumps(layer))(x), expected)


def test_autocast_has_its_own_kernel(layer):
    with torch.inference_mode(), torch.autocast('cpu', torch.bfloat16):
        assert layer(torch.randn(MANY, INPUTS)).dtype == torch.bfloat16


def test_its_state_is_that_of_a_plain_layer(layer):
    assert set(layer.state_dict()) == {'weight', 'bias'}
