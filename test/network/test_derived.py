# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tensors derived from weights are kept when that is asked for, and follow the weights else."""

from __future__ import annotations

import copy

import pytest
import torch
from tiny_network import tiny_network
from torch import nn

from surgsam2_ros.network.derived import Deriving, keep_derived


class Doubling(Deriving, nn.Linear):
    """Counts how often it doubles its weight."""

    def __init__(self):
        super().__init__(3, 2)
        self.calls = []

    def forward(self, x):
        return x @ self.derived('doubled', self._double, self.weight).T

    def _double(self, weight):
        self.calls.append(len(weight))
        return 2 * weight


@pytest.fixture(name='layer')
def _layer():
    return Doubling().eval()


@pytest.fixture(name='check')
def _check():
    def check(layer):
        x = torch.eye(3)
        with torch.inference_mode():
            assert torch.equal(layer(x), 2 * layer.weight.T)

    return check


@pytest.mark.parametrize('mode', [torch.no_grad, torch.inference_mode])
def test_it_is_computed_at_every_call_until_it_is_to_be_kept(layer, mode):
    with mode():
        for calls in (1, 2, 3):
            layer(torch.eye(3))
            assert len(layer.calls) == calls
        keep_derived(layer, True)
        for _ in range(3):
            layer(torch.eye(3))
    assert len(layer.calls) == 4


def test_what_is_kept_follows_a_state_a_type_and_a_training(layer, check):
    keep_derived(layer, True)
    check(layer)
    layer.load_state_dict(nn.Linear(3, 2).state_dict())
    check(layer)
    nn.Sequential(layer).load_state_dict(nn.Sequential(nn.Linear(3, 2)).state_dict())
    check(layer)
    layer.to(torch.bfloat16)
    with torch.inference_mode():
        assert layer(torch.eye(3, dtype=torch.bfloat16)).dtype == torch.bfloat16
    layer.to(torch.float32)
    check(layer)
    assert layer.keeps_derived
    with torch.no_grad():
        layer.train().weight.fill_(3.0)
    check(layer.eval())


def test_a_copy_derives_its_own(layer, check):
    keep_derived(layer, True)
    check(layer)
    other = copy.deepcopy(layer)
    with torch.no_grad():
        other.weight.fill_(3.0)
    check(other)
    check(layer)


def test_gradients_reach_the_weights_of_a_layer_that_keeps(layer):
    keep_derived(layer, True)
    with torch.inference_mode():
        layer(torch.eye(3))
    layer(torch.ones(1, 3)).sum().backward()
    assert (layer.weight.grad == 2).all()


def test_a_network_in_training_is_validated_with_the_weights_of_its_last_step():
    """Fused AdamW writes parameters and does not raise their versions."""
    network = tiny_network().prepare_inference()
    images = torch.rand(1, 3, network.image_size, network.image_size)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.05, fused=True)

    def features():
        network.eval()
        with torch.no_grad():
            return [level.clone() for level in network.encode_image(images)]

    features()
    for _ in range(2):
        network.train()
        sum(level.square().mean() for level in network.encode_image(images)).backward()
        optimizer.step()
        fresh = tiny_network()
        fresh.load_state_dict(network.state_dict())
        fresh.eval()
        with torch.no_grad():
            expected = fresh.encode_image(images)
        for found, wanted in zip(features(), expected, strict=True):
            torch.testing.assert_close(found, wanted)
