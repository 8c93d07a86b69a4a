# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Learning rate, curriculum, parameter groups and averaged weights follow their definitions."""

from __future__ import annotations

import pytest
import torch

from surgsam2_ros.network import NetworkConfig, TrunkConfig, build_network
from surgsam2_ros.training.schedule import (
    AveragedWeights,
    clip_frames,
    learning_rate_factor,
    parameter_groups,
)


def test_the_learning_rate_rises_then_falls_in_one_cosine():
    factors = [learning_rate_factor(p, warmup=0.1, floor=0.01) for p in (0.05, 0.1, 0.55, 1.0)]
    assert factors == pytest.approx([0.5, 1.0, 0.505, 0.01])
    assert 0 < learning_rate_factor(0.0, 0.1, 0.01) < 0.1


def test_the_curriculum_changes_at_its_fractions():
    curriculum = ((0.2, 1), (0.5, 3), (1.0, 8))
    frames = [clip_frames(p, curriculum) for p in (0.0, 0.19, 0.2, 0.49, 0.5, 1.0)]
    assert frames == [1, 1, 3, 3, 8, 8]


@pytest.fixture(scope='module')
def network():
    return build_network(
        NetworkConfig(
            image_size=64,
            hidden_dim=64,
            memory_dim=32,
            memory_attention_layers=1,
            trunk=TrunkConfig(type='efficientnet_lite0'),
        )
    )


def test_every_parameter_is_in_one_group_and_decay_spares_biases_norms_and_the_trunk(network):
    decayed, plain, trunk = parameter_groups(network, trunk_scale=0.15, weight_decay=0.03)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    sorted_names = [sorted(names[id(p)] for p in g['params']) for g in (decayed, plain, trunk)]
    assert sum(map(len, sorted_names)) == len(names)
    assert set().union(*sorted_names) == set(names.values())
    assert all(name.startswith('image_encoder.trunk.') for name in sorted_names[2])
    assert all(name.endswith('weight') for name in sorted_names[0])
    for name in (
        'maskmem_tpos_enc',
        'no_mem_embed',
        'no_obj_ptr',
        'sam_mask_decoder.mask_tokens.weight',
        'memory_attention.layers.0.norm1.weight',
        'memory_encoder.fuser.layers.0.gamma',
    ):
        assert name in sorted_names[1]
    assert 'obj_ptr_tpos_proj.weight' in sorted_names[0]
    assert [g['weight_decay'] for g in (decayed, plain, trunk)] == [0.03, 0.0, 0.0]
    assert [g['scale'] for g in (decayed, plain, trunk)] == [1.0, 1.0, 0.15]


def test_frozen_parameters_are_in_no_group(network):
    network.image_encoder.trunk.stem.requires_grad_(False)
    try:
        groups = parameter_groups(network, 1.0, 0.0)
        grouped = {id(parameter) for group in groups for parameter in group['params']}
        assert id(network.image_encoder.trunk.stem.weight) not in grouped
    finally:
        network.image_encoder.trunk.stem.requires_grad_(True)


def test_averages_follow_their_recursion_and_swap_there_and_back():
    weight = torch.nn.Parameter(torch.zeros(2))
    averaged = AveragedWeights([weight], decay=0.5)
    expected = 0.0
    for step, value in enumerate((1.0, 2.0, 3.0, 10.0), start=1):
        weight.data.fill_(value)
        averaged.update()
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    assert averaged.values[0].tolist() == pytest.approx([expected] * 2)
    averaged.swap()
    assert weight.tolist() == pytest.approx([expected] * 2)
    averaged.swap()
    assert weight.tolist() == [10.0, 10.0]
