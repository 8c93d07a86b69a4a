# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tensors derived from weights follow them, and attention gives one answer by both of its ways."""

import copy

import pytest
import torch

from surgsam2_ros.network import MemoryTokens
from surgsam2_ros.network.layers import Derived
from surgsam2_ros.network.memory_attention import MemoryAttention


@pytest.fixture(name='linear')
def _linear():
    return torch.nn.Linear(3, 2)


@pytest.fixture(name='calls')
def _calls():
    return []


@pytest.fixture(name='doubled')
def _doubled(calls):
    def double(weight):
        calls.append(weight)
        return 2 * weight

    return Derived(double)


@pytest.mark.parametrize('mode', [torch.no_grad, torch.inference_mode])
def test_it_is_computed_once_while_the_weights_stay(linear, doubled, calls, mode):
    with mode():
        for _ in range(3):
            assert torch.equal(doubled(linear.weight), 2 * linear.weight)
    assert len(calls) == 1


def test_it_follows_a_step_a_new_state_and_a_new_type(linear, doubled):
    def check():
        with torch.inference_mode():
            assert torch.equal(doubled(linear.weight), 2 * linear.weight)

    check()
    linear(torch.ones(3)).sum().backward()
    torch.optim.SGD(linear.parameters(), 0.1).step()
    check()
    linear.load_state_dict(torch.nn.Linear(3, 2).state_dict())
    check()
    linear.to(torch.bfloat16)
    check()
    linear.to(torch.float32)
    check()


def test_a_copy_follows_its_own_weights(linear, doubled):
    with torch.no_grad():
        doubled(linear.weight)
        other, own = copy.deepcopy((linear, doubled))
        other.weight.fill_(3.0)
        assert (own(other.weight) == 6).all()
        assert torch.equal(doubled(linear.weight), 2 * linear.weight)


def test_gradients_reach_the_weights_after_a_call_without_them(linear, doubled):
    with torch.inference_mode():
        doubled(linear.weight)
    doubled(linear.weight).sum().backward()
    assert (linear.weight.grad == 2).all()


@pytest.mark.parametrize('heads', [1, 2])
@pytest.mark.parametrize('padded', [False, True])
def test_memory_is_attended_to_alike_in_training_and_in_evaluation(heads, padded):
    torch.manual_seed(0)
    side, pointers = 18, 4  # more queries than are attended with at a time
    attention = MemoryAttention(32, 16, 64, heads, 2, side)
    length = 2 * side**2 + pointers
    mask = torch.ones(2, length, dtype=torch.bool)
    mask[1, side**2 : 2 * side**2] = False
    memory = MemoryTokens(
        torch.randn(2, length, 16),
        torch.randn(2, length, 16),
        pointers,
        mask if padded else None,
    )
    features = torch.randn(1, 32, side, side)
    with torch.no_grad():
        expected = attention.train()(features, memory)
        torch.testing.assert_close(attention.eval()(features, memory), expected)
