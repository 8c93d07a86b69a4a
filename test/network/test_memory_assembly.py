# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which memories a frame attends to, and how they become tokens."""

import pytest
import torch
from tiny_network import tiny_network

from surgsam2_ros.network.memory_assembly import MemoryTable, assemble_memory, select_memories

REACH = {'num_maskmem': 7, 'max_pointers': 16, 'prompted_encoding': 6}


def kept(*frames):
    return {frame: f'memory of {frame}' for frame in frames}


@pytest.fixture(scope='module')
def network():
    return tiny_network()


def assembled(network, ages, **how):
    """Return the tokens of one object with one memory and pointers of these ages."""
    config = network.config
    table = MemoryTable(torch.tensor([[0]]), None, torch.tensor([ages]), None)
    features = torch.ones(1, 1, network.memory_size**2, config.memory_dim)
    pointers = torch.ones(1, len(ages), config.hidden_dim)
    return assemble_memory(network, features, pointers, table, survivors=1, **how)


def test_prompted_frames_come_first_and_have_an_encoding_of_their_own():
    selection = select_memories(9, kept(3, 0), kept(7, 8), {}, **REACH)
    assert selection.memory_frames == [
        ('memory of 3', 6),
        ('memory of 0', 6),
        ('memory of 7', 1),
        ('memory of 8', 0),
    ]
    assert selection.prompted == 2


def test_pointers_stay_in_the_order_they_were_given_in():
    oldest_first = select_memories(9, {}, {}, kept(5, 6, 8), **REACH)
    newest_first = select_memories(9, {}, {}, kept(8, 6, 5), **REACH)
    assert [one.age for one in oldest_first.pointers] == [4, 3, 1]
    assert [one.age for one in newest_first.pointers] == [1, 3, 4]


@pytest.mark.parametrize(('ahead', 'ages'), [(False, [4]), (True, [4, -3])])
def test_a_prompted_frame_still_to_come_gives_its_pointer_only_where_asked(ahead, ages):
    selection = select_memories(4, kept(0, 7), {}, {}, **REACH, pointers_ahead=ahead)
    assert [one.age for one in selection.pointers] == ages
    assert len(selection.memory_frames) == 2


@torch.inference_mode()
def test_the_age_of_a_pointer_is_encoded_as_a_share_of_the_longest_time(network):
    spatial = network.memory_size**2
    usual = network.config.max_object_pointers - 1
    half = assembled(network, [3], max_time=6).position[:, spatial:]
    same_half = assembled(network, [2], max_time=4).position[:, spatial:]
    assert torch.equal(half, same_half)
    assert torch.equal(
        assembled(network, [3]).position, assembled(network, [3], max_time=usual).position
    )
    assert not torch.allclose(half, assembled(network, [3], max_time=usual).position[:, spatial:])


@torch.inference_mode()
def test_the_position_of_a_memory_is_that_of_its_cells_and_its_age(network):
    tokens = assembled(network, [1, 2])
    spatial = network.memory_size**2
    expected = network.memory_position() + network.temporal_encoding[0].flatten()
    assert torch.equal(tokens.position[0, :spatial], expected)
    assert tokens.num_pointer_tokens == tokens.features.shape[1] - spatial
    assert tokens.key_mask is None
