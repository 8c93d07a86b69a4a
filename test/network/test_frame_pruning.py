# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which memories efficient frame pruning leaves out."""

import naive_pruning
import numpy as np
import pytest
import torch

from surgsam2_ros.network.frame_pruning import (
    count_pruned,
    similarity_to_newest,
    surviving_entries,
)


def survivors_of(memories, num_maskmem=7, num_frame_to_prune=2):
    """Run the fast pruning on one object with the parity rules for protection."""
    entries = len(memories)
    candidate = torch.tensor([[0 < index < entries - 1 for index in range(entries)]])
    gone = count_pruned(entries, num_maskmem, num_frame_to_prune, int(candidate.sum()))
    similarity = similarity_to_newest(
        torch.stack([torch.as_tensor(memory) for memory in memories])[None],
        torch.tensor([entries - 1]),
    )
    return surviving_entries(similarity, candidate, torch.tensor([gone]), entries - gone)[
        0
    ].tolist()


@pytest.mark.parametrize('entries', range(1, 12))
@pytest.mark.parametrize('num_frame_to_prune', [1, 2, 4, 5])
def test_it_agrees_with_the_naive_reference(entries, num_frame_to_prune):
    rng = np.random.default_rng(entries)
    for _ in range(5):
        memories = list(rng.standard_normal((entries, 16, 8)).astype(np.float32))
        expected = naive_pruning.surviving_memories(memories, 7, num_frame_to_prune)
        assert survivors_of(memories, 7, num_frame_to_prune) == expected


def test_nothing_goes_before_there_are_too_many():
    assert count_pruned(5, 7, 2, candidates=3) == 0
    assert count_pruned(6, 7, 2, candidates=4) == 1
    assert count_pruned(7, 7, 2, candidates=5) == 2


def test_zero_switches_pruning_off_however_many_memories_there_are():
    assert count_pruned(15, 7, 0, candidates=13) == 0


def test_no_more_go_than_there_are_candidates():
    assert count_pruned(14, 7, 2, candidates=5) == 5


def test_the_memory_most_similar_to_the_newest_goes_first():
    newest = torch.randn(16, 8, generator=torch.Generator().manual_seed(0))
    others = torch.randn(5, 16, 8, generator=torch.Generator().manual_seed(1))
    near = newest + 0.1 * others[4]
    assert survivors_of([others[0], others[1], near, others[2], others[3], newest]) == [
        0,
        1,
        3,
        4,
        5,
    ]


def test_of_equal_memories_the_earlier_goes():
    same = torch.randn(16, 8, generator=torch.Generator().manual_seed(0))
    assert survivors_of([same] * 7) == [0, 3, 4, 5, 6]


def test_the_length_of_the_features_does_not_matter():
    rng = np.random.default_rng(3)
    memories = list(rng.standard_normal((7, 16, 8)).astype(np.float32))
    scaled = [memory * scale for memory, scale in zip(memories, range(1, 8), strict=True)]
    assert survivors_of(scaled) == survivors_of(memories)


def test_objects_of_a_batch_are_pruned_each_for_itself():
    generator = torch.Generator().manual_seed(5)
    features = torch.randn(3, 7, 16, 8, generator=generator)
    newest = torch.tensor([6, 4, 5])
    candidate = torch.tensor([[0 < index < last for index in range(7)] for last in newest.tolist()])
    gone = torch.tensor([2, 0, 1])
    together = surviving_entries(similarity_to_newest(features, newest), candidate, gone, 5)
    for row, length in enumerate((7, 5, 6)):
        assert together[row].tolist() == survivors_of(features[row, :length])


def test_padding_comes_after_what_an_object_keeps():
    similarity = torch.tensor([[0.0, 9.0, 5.0, 0.0, 0.0]])
    candidate = torch.tensor([[False, True, False, False, False]])  # two of five are padding
    kept = surviving_entries(similarity, candidate, torch.tensor([1]), 4)
    assert kept[0, :2].tolist() == [0, 2]
    assert 1 not in kept[0].tolist()
