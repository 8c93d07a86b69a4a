# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Efficient frame pruning in the stream, against the official predictor with naive pruning put in.

No package has SurgSAM2's pruning, so the official memory attention is handed the memories that the
step-by-step reference in naive_pruning.py lets through.
"""

import contextlib
import functools

import pytest
import torch

pytest.importorskip('sam2')
pytest.importorskip('hydra')

from naive_pruning import surviving_memories
from oracle_sam2 import (
    Event,
    Oracle,
    build_pair,
    compare,
    make_clip,
    mask_prompt,
    run_ours,
    shared_features,
)

from surgsam2_ros.network import memory_assembly
from surgsam2_ros.tracking import TrackerConfig, memory_bank

SIZE, FRAMES = 128, 20
LIMIT = 1e-4
PRUNED = TrackerConfig(num_frame_to_prune=2)
EVENTS = [
    Event(0, 'mask', {'mask': mask_prompt(SIZE)}),
    Event(0, 'box', {'box': [30, 30, 75, 70]}),
    Event(9, 'added later', {'points': [[40, 60]], 'labels': [1]}),
]
CORRECTED = [
    EVENTS[0],
    *(
        Event(frame, 'mask', {'points': [[4 * frame, 60]], 'labels': [1]})
        for frame in (3, 6, 7, 12)
    ),
]


@functools.cache
def pair():
    return build_pair(hot=True, image_size=SIZE)


@functools.cache
def clip():
    return make_clip(FRAMES, SIZE)


def naive_attention(attend, survivors):
    """Wrap the official memory attention; `survivors` collects what was let through."""

    def attend_to_survivors(*, curr, memory, memory_pos, num_obj_ptr_tokens, **others):
        tokens, spatial = len(curr[0]), len(memory) - num_obj_ptr_tokens
        maps = memory[:spatial].unflatten(0, (-1, tokens))  # [E, L, 1, Dm]
        kept = surviving_memories([one[:, 0].numpy() for one in maps])
        survivors.append((len(maps), kept))
        keys = [torch.arange(tokens) + tokens * index for index in kept]
        keys = torch.cat([*keys, torch.arange(spatial, len(memory))])
        return attend(
            curr=curr,
            memory=memory[keys],
            memory_pos=memory_pos[keys],
            num_obj_ptr_tokens=num_obj_ptr_tokens,
            **others,
        )

    return attend_to_survivors


def pruned_run(events, **settings):
    """Run the official predictor with naive pruning; returns its trace and what survived."""
    official, survivors = pair()[0], []
    with pytest.MonkeyPatch.context() as patch:
        attend = official.memory_attention.forward
        patch.setattr(official.memory_attention, 'forward', naive_attention(attend, survivors))
        for name, value in settings.items():
            patch.setattr(official, name, value)
        return Oracle(official, clip()).run(events), survivors


@functools.cache
def official_trace():
    return pruned_run(EVENTS)[0]


def our_trace(events=EVENTS, config=PRUNED, teacher=None, frames=FRAMES):
    with shared_features(pair()[1]):
        return run_ours(pair()[1], clip(), events, config=config, teacher=teacher, frames=frames)


def passes(difference):
    return difference.logits <= LIMIT and difference.pointer <= LIMIT


def test_the_choice_is_not_always_the_same():
    _, survivors = pruned_run(EVENTS[:1])
    assert [len(kept) for _, kept in survivors[-10:]] == [5] * 10
    assert len({tuple(kept) for length, kept in survivors if length == 7}) > 1


def test_each_frame_on_the_official_memory():
    assert passes(compare(our_trace(teacher=official_trace()), official_trace()))


def test_closed_loop_with_objects_of_different_age():
    assert passes(compare(our_trace(), official_trace()))


def test_several_prompted_frames_count_against_the_same_limit():
    expected, survivors = pruned_run(CORRECTED, add_all_frames_to_correct_as_cond=True)
    assert max(length for length, _ in survivors) >= 10
    assert max(len(kept) for _, kept in survivors) == 5
    config = TrackerConfig(num_frame_to_prune=2, corrections_condition=True)
    assert passes(compare(our_trace(CORRECTED, config, teacher=expected), expected))
    assert passes(compare(our_trace(CORRECTED, config), expected))


@contextlib.contextmanager
def changed(name, change):
    with pytest.MonkeyPatch.context() as patch:
        owner = memory_bank if hasattr(memory_bank, name) else memory_assembly
        patch.setattr(owner, name, change(getattr(owner, name)))
        yield


def shared_choice(similarity):
    """Let all objects of the batch lose the same frames, as SurgSAM2's first release did."""
    return lambda *arguments: (sums := similarity(*arguments)).mean(0).expand_as(sums)


MUTATIONS = {
    'the least similar go': lambda: changed(
        'similarity_to_newest', lambda similarity: lambda *a: -similarity(*a)
    ),
    'compared with the oldest': lambda: changed(
        'similarity_to_newest',
        lambda similarity: lambda features, newest: similarity(features, newest * 0),
    ),
    'the newest is not protected': lambda: changed(
        'surviving_entries',
        lambda choose: (
            lambda similarity, candidate, *a: choose(
                similarity, candidate | (torch.arange(candidate.shape[1]) > 0), *a
            )
        ),
    ),
    'one too few go': lambda: changed(
        'count_pruned', lambda count: lambda *a, **k: max(count(*a, **k) - 1, 0)
    ),
    'pruning starts with seven memories': lambda: changed(
        'count_pruned', lambda count: lambda entries, *a: count(entries, *a) * (entries >= 7)
    ),
    'all objects lose the same frames': lambda: changed('similarity_to_newest', shared_choice),
    'the similarity of the first token counts': lambda: changed(
        'similarity_to_newest',
        lambda similarity: lambda features, newest: similarity(features[:, :, :1], newest),
    ),
}


@pytest.mark.parametrize('mutation', MUTATIONS)
def test_a_mistake_is_caught(mutation):
    with MUTATIONS[mutation]():
        difference = compare(our_trace(teacher=official_trace()), official_trace())
    assert not passes(difference), f'{mutation} went through: {difference}'


def test_without_pruning_the_gate_fails():
    config = TrackerConfig(num_frame_to_prune=0)
    ours = our_trace(config=config, teacher=official_trace(), frames=8)
    assert not passes(compare(ours, official_trace()))
