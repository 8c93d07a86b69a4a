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
    freeze,
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


def test_the_released_schedule_is_one_cosine_to_a_tenth():
    """Half-way it is at the mean of start and end, a quarter of the way at cos 45 degrees."""
    factors = [learning_rate_factor(p, warmup=0.0, floor=0.1) for p in (0.0, 0.25, 0.5, 1.0)]
    assert factors == pytest.approx([1.0, 0.55 + 0.45 * 2**-0.5, 0.55, 0.1])


def build(trunk):
    return build_network(
        NetworkConfig(
            image_size=64,
            hidden_dim=64,
            memory_dim=32,
            memory_attention_layers=1,
            memory_attention_feedforward=64,
            decoder_feedforward=64,
            trunk=trunk,
        )
    )


@pytest.fixture(scope='module')
def nano():
    return build(TrunkConfig(type='efficientnet_lite0'))


@pytest.fixture(scope='module')
def hiera():
    return build(TrunkConfig(embed_dim=16, stages=(1, 2, 3, 2), global_blocks=(4,)))


def by_name(network, groups):
    """Map each parameter's name to (scale, weight decay); no parameter may come twice."""
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    found = [
        (names[id(parameter)], (group['scale'], group['weight_decay']))
        for group in groups
        for parameter in group['params']
    ]
    assert len(dict(found)) == len(found)
    return dict(found)


def test_every_parameter_is_in_one_group(hiera):
    found = by_name(hiera, parameter_groups(hiera, weight_decay=0.1, layer_decay=0.9))
    assert set(found) == {name for name, _ in hiera.named_parameters()}


def test_only_biases_and_norms_are_spared_decay_in_the_released_recipe(hiera):
    found = by_name(hiera, parameter_groups(hiera, weight_decay=0.1))
    for name, decay in {
        'image_encoder.trunk.patch_embed.proj.weight': 0.1,
        'image_encoder.trunk.pos_embed': 0.1,
        'sam_mask_decoder.mask_tokens.weight': 0.1,
        'maskmem_tpos_enc': 0.1,
        'memory_attention.layers.0.linear1.weight': 0.1,
        'image_encoder.trunk.blocks.0.norm1.weight': 0.0,
        'image_encoder.trunk.blocks.0.attn.qkv.bias': 0.0,
        'memory_attention.layers.0.norm1.weight': 0.0,
        'memory_encoder.fuser.layers.0.norm.weight': 0.0,
        'obj_ptr_tpos_proj.bias': 0.0,
    }.items():
        assert found[name][1] == decay, name


def test_layer_decay_lowers_the_rate_from_block_to_block_and_spares_position_embeddings(hiera):
    """Eight blocks: the last has one factor of 0.9, the first eight, the patch embedding nine."""
    found = by_name(hiera, parameter_groups(hiera, weight_decay=0.1, layer_decay=0.9))
    trunk = 'image_encoder.trunk.'
    for name, scale in {
        'blocks.7.attn.qkv.weight': 0.9,
        'blocks.6.attn.proj.weight': 0.81,
        'blocks.0.mlp.layers.0.weight': 0.43046721,
        'patch_embed.proj.weight': 0.387420489,
        'pos_embed': 1.0,
        'pos_embed_window': 1.0,
    }.items():
        assert found[trunk + name][0] == pytest.approx(scale), name
    assert all(scale == 1.0 for name, (scale, _) in found.items() if not name.startswith(trunk))


def test_scales_multiply_by_prefix_also_inside_a_module_that_holds_the_network(nano):
    holder = torch.nn.ModuleDict({'network': nano, 'foreground': torch.nn.Linear(2, 1)})
    settings = {'weight_decay': 0.1, 'trunk_scale': 0.5, 'layer_decay': 0.9}
    scales = {'image_encoder.': 0.6, 'memory_encoder.': 0.1}
    found = by_name(holder, parameter_groups(holder, scales=scales, **settings))
    last = len(nano.image_encoder.trunk.blocks) - 1
    for name, scale in {
        f'network.image_encoder.trunk.blocks.{last}.project.weight': 0.6 * 0.5 * 0.9,
        'network.image_encoder.trunk.stem.weight': 0.6 * 0.5 * 0.9 ** (last + 2),
        'network.image_encoder.neck.convs.0.conv.weight': 0.6,
        'network.memory_encoder.out_proj.weight': 0.1,
        'network.no_mem_embed': 1.0,
        'foreground.weight': 1.0,
    }.items():
        assert found[name][0] == pytest.approx(scale), name


def test_the_nano_spares_embeddings_vectors_and_the_trunk(nano):
    found = by_name(
        nano,
        parameter_groups(
            nano,
            weight_decay=0.03,
            trunk_weight_decay=0.0,
            trunk_scale=0.15,
            decay_embeddings=False,
        ),
    )
    for name in (
        'maskmem_tpos_enc',
        'no_mem_embed',
        'no_obj_ptr',
        'sam_mask_decoder.mask_tokens.weight',
        'memory_attention.layers.0.norm1.weight',
        'memory_encoder.fuser.layers.0.gamma',
    ):
        assert found[name] == (1.0, 0.0), name
    assert found['obj_ptr_tpos_proj.weight'] == (1.0, 0.03)
    trunk = {value for name, value in found.items() if name.startswith('image_encoder.trunk.')}
    assert trunk == {(0.15, 0.0)}


def test_a_scale_for_what_does_not_exist_is_refused(nano):
    with pytest.raises(ValueError, match=r"'encoder\.'.*memory_encoder"):
        parameter_groups(nano, weight_decay=0.1, scales={'encoder.': 0.5})


def test_frozen_parameters_are_in_no_group(nano):
    frozen = freeze(nano, ['image_encoder.', 'sam_prompt_encoder.'])
    try:
        found = by_name(nano, parameter_groups(nano, weight_decay=0.1))
        assert set(found) == {name for name, _ in nano.named_parameters()} - set(frozen)
        assert {name.split('.')[0] for name in frozen} == {'image_encoder', 'sam_prompt_encoder'}
    finally:
        nano.requires_grad_(True)


def test_freezing_what_does_not_exist_is_refused(nano):
    with pytest.raises(ValueError, match='trunk'):
        freeze(nano, ['trunk'])


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
