# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Every frame judged by itself, with weights at which mistakes show, and mistakes made on purpose.

The official memory is put into our bank after each frame, so that differences cannot add up. The
gate must let the intact code through and stop each of the mutations below.
"""

import contextlib
import functools
import itertools
import math
from dataclasses import replace

import pytest
import torch

pytest.importorskip('sam2')
pytest.importorskip('hydra')

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

from surgsam2_ros.network import surgsam2
from surgsam2_ros.tracking import memory_bank
from surgsam2_ros.tracking.frame_step import FrameStep
from surgsam2_ros.tracking.memory_selection import ObjectMemory
from surgsam2_ros.tracking.tracked_object import TrackedObject

SIZE, FRAMES = 128, 18
LIMIT = 1e-4
PRESENCE_BIAS = 61.5  # at which the objects go and come back: asserted below
CLICKED, CLICKED_WHILE_AWAY = 6, 9

EVENTS = [
    Event(0, 'mask', {'mask': mask_prompt(SIZE)}),
    Event(0, 'point', {'points': [[40, 60]], 'labels': [1]}),
    Event(CLICKED, 'point', {'points': [[60, 45]], 'labels': [0]}),
    Event(CLICKED_WHILE_AWAY, 'point', {'points': [[30, 30], [90, 90]], 'labels': [1, 0]}),
    Event(3, 'box', {'box': [30, 30, 75, 70]}),
]


@functools.cache
def pair():
    return build_pair(hot=True, image_size=SIZE, presence_bias=PRESENCE_BIAS)


@functools.cache
def clip():
    return make_clip(FRAMES, SIZE, blank=range(8, 12))


@functools.cache
def official_trace():
    return Oracle(pair()[0], clip()).run(EVENTS)


def difference_of(*object_ids, frames=FRAMES):
    """Run ours on the teacher's memory and compare what it says and what it would store."""
    chosen = [event for event in EVENTS if not object_ids or event.object_id in object_ids]
    with shared_features(pair()[1]):
        ours = run_ours(pair()[1], clip(), chosen, teacher=official_trace(), frames=frames)
    return compare(ours, official_trace())


def passes(difference):
    return difference.within(LIMIT)


def test_the_clip_has_objects_that_go_and_come_back():
    trace = official_trace()
    for object_id in ('mask', 'box'):
        seen = [score > 0 for (name, _), score in trace.presence.items() if name == object_id]
        assert 3 <= sum(seen) <= len(seen) - 3
        assert any(not now and later for now, later in itertools.pairwise(seen))
    assert min(abs(score) for score in trace.presence.values()) > 1e-2


def test_the_intact_code_passes():
    assert passes(difference_of())


@pytest.mark.parametrize('object_id', ['mask', 'point', 'box'])
def test_the_intact_code_passes_with_one_object(object_id):
    assert passes(difference_of(object_id))


def test_an_object_that_disappears_and_returns_in_closed_loop():
    with shared_features(pair()[1]):
        ours = run_ours(pair()[1], clip(), EVENTS)
    assert passes(compare(ours, official_trace()))


@pytest.mark.parametrize('part', ['logits', 'pointer', 'memory'])
@pytest.mark.parametrize('spoilt', [math.nan, 1e4])
def test_a_single_spoilt_token_fails(part, spoilt):
    trace = official_trace()
    for last in (False, True):  # what `max` makes of no number depends on where it stands
        values = dict(getattr(trace, part))
        key = list(values)[-1 if last else 0]
        values[key] = values[key].clone()
        values[key][0] = spoilt
        assert not passes(compare(replace(trace, **{part: values}), trace))
    assert passes(compare(trace, trace))


@contextlib.contextmanager
def changed(owner, name, change):
    """Replace `owner.name` by change(original) for a while."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, change(getattr(owner, name)))
        yield


def changed_selection(change):
    """Let every object attend to what `change(selection)` returns."""

    def mutation(select):
        return lambda memory, frame: change(select(memory, frame))

    return changed(ObjectMemory, 'select', mutation)


def changed_network(name, change):
    return changed(pair()[1], name, change)


@contextlib.contextmanager
def changed_parameter(name):
    """Set one parameter of our network to zero for a while."""
    parameter = getattr(pair()[1], name)
    intact = parameter.detach().clone()
    with torch.no_grad():
        parameter.zero_()
        yield
        parameter.copy_(intact)


def newest_encoded_as_second(selection):
    frames = [one._replace(encoding=max(one.encoding, 1)) for one in selection.memory_frames]
    return replace(selection, memory_frames=frames)


def prompted_encoded_as_newest(selection):
    first, *others = selection.memory_frames
    return replace(selection, memory_frames=[first._replace(encoding=0), *others])


def newest_left_out(selection):
    frames = selection.memory_frames
    return replace(selection, memory_frames=frames if len(frames) == 1 else frames[:-1])


def oldest_left_out(selection):
    first, *others = selection.memory_frames
    return replace(selection, memory_frames=[first, *others[-5:]])


def fourteen_pointers(selection):
    return replace(selection, pointers=selection.pointers[:14])


def prompted_pointer_left_out(selection):
    return replace(selection, pointers=selection.pointers[1:] or selection.pointers)


def pointers_counted_from_zero(selection):
    pointers = [one._replace(age=one.age - 1) for one in selection.pointers]
    return replace(selection, pointers=pointers)


MUTATIONS = {
    'wrong temporal index of the newest memory': (
        lambda: changed_selection(newest_encoded_as_second),
        'mask',
    ),
    'wrong temporal index of the prompted frame': (
        lambda: changed_selection(prompted_encoded_as_newest),
        'mask',
    ),
    'newest memory not read': (lambda: changed_selection(newest_left_out), 'mask'),
    'one memory too few': (lambda: changed_selection(oldest_left_out), 'mask'),
    'fourteen pointers': (lambda: changed_selection(fourteen_pointers), 'mask'),
    'pointer of the prompted frame not read': (
        lambda: changed_selection(prompted_pointer_left_out),
        'mask',
    ),
    'pointer times off by one': (lambda: changed_selection(pointers_counted_from_zero), 'mask'),
    'wrong time scale of the pointers': (
        lambda: changed_network(
            'pointer_tokens', lambda tokens: lambda p, time, most: tokens(p, time, most + 1)
        ),
        'mask',
    ),
    'memory not rounded to bfloat16': (
        lambda: changed(memory_bank, 'STORED_DTYPE', lambda _: torch.float32),
        'mask',
    ),
    'memory of a prompted frame encoded as of a tracked one': (
        lambda: changed_network(
            'encode_memory', lambda encode: lambda *a, from_prompt: encode(*a, from_prompt=False)
        ),
        'point',
    ),
    'memory of a tracked frame encoded as of a prompted one': (
        lambda: changed_network(
            'encode_memory', lambda encode: lambda *a, from_prompt: encode(*a, from_prompt=True)
        ),
        'mask',
    ),
    'no embedding for the memory of absent objects': (
        lambda: changed_parameter('no_obj_embed_spatial'),
        'mask',
    ),
    'no pointer for absent objects': (lambda: changed_parameter('no_obj_ptr'), 'mask'),
    'previous logits clamped to other values': (
        lambda: changed(surgsam2, 'LARGEST_PREVIOUS_LOGIT', lambda _: 31.0),
        'point',
    ),
    'previous logits not given to a correction': (
        lambda: changed(
            FrameStep,
            '_apply_prompts',
            lambda apply: lambda *arguments: apply(*arguments[:-1], None),
        ),
        'point',
    ),
    'a correction becomes a prompted frame': (
        lambda: changed(
            TrackedObject,
            'task',
            lambda task: lambda *a, **_: task(*a, corrections_condition=True),
        ),
        'point',
    ),
    'a prompted frame decoded without its embedding': (
        lambda: changed_parameter('no_mem_embed'),
        'box',
    ),
}


@pytest.mark.parametrize('mutation', MUTATIONS)
def test_a_mistake_is_caught(mutation):
    change, object_id = MUTATIONS[mutation]
    with change():
        difference = difference_of(object_id)
    assert not passes(difference), f'{mutation} went through: {difference}'
