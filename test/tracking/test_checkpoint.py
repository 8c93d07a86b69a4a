# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A frame that fails takes its prompts with it and leaves the objects as they were."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_network import tiny_network

from surgsam2_ros.tracking import Prompt, StreamingTracker, TrackerConfig

SIZE = (48, 64)
BOX, OTHER = (8, 8, 40, 30), (30, 20, 60, 44)


@pytest.fixture(scope='module', name='network')
def _network():
    return tiny_network()


@pytest.fixture(name='frames')
def _frames():
    rng = np.random.default_rng(0)
    return rng.integers(0, 255, (24, *SIZE, 3), dtype=np.uint8)


def tracker_of(network, **settings):
    return StreamingTracker(network, TrackerConfig(replay_frames=6, **settings))


def logits(result):
    return {track.object_id: track.logits for track in result.tracks}


def assert_equal(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def fails_at(monkeypatch, network, name, call):
    """Let a method of the network fail at the given call, once."""
    intact, calls = getattr(network, name), []

    def failing(*arguments, **options):
        calls.append(name)
        if len(calls) == call:
            raise RuntimeError('out of memory')
        return intact(*arguments, **options)

    monkeypatch.setattr(network, name, failing)


def prompt_now(tracker):
    tracker.add_object('a', points=[(20, 20)], labels=[0], class_name='hook')
    tracker.add_object('b', box=OTHER)


def prompt_the_past(tracker):
    index = tracker.frame_index - 4
    tracker.add_objects([Prompt(name, box=OTHER) for name in 'ab'], frame_index=index)


@pytest.mark.parametrize('settings', [{}, {'memory_tokens': 8}, {'corrections_condition': True}])
@pytest.mark.parametrize(
    'prompt, method, call',
    [
        (prompt_now, 'decode', 1),
        (prompt_now, 'encode_memory', 1),
        (prompt_the_past, 'encode_image', 3),
        (prompt_the_past, 'encode_memory', 3),
    ],
)
def test_objects_are_as_if_the_prompts_had_never_come(
    network, frames, monkeypatch, prompt, method, call, settings
):
    spared, tried = (tracker_of(network, **settings) for _ in range(2))
    for tracker in (spared, tried):
        tracker.add_object('a', box=BOX)
        for frame in frames[:12]:
            tracker.track(frame)
    prompt(tried)
    with monkeypatch.context() as patch:
        fails_at(patch, network, method, call)
        with pytest.raises(RuntimeError, match='out of memory'):
            tried.track(frames[12])
    assert [item.object_id for item in tried.objects] == ['a']
    assert tried.objects == spared.objects
    for frame in frames[13:]:
        assert_equal(logits(tried.track(frame)), logits(spared.track(frame)))


def test_a_prompt_that_fails_does_not_come_again(network, frames, monkeypatch):
    tracker = tracker_of(network)
    tracker.add_object('a', box=BOX)
    tracker.track(frames[0])
    intact = network.decode

    def refuses_points(*arguments, points=None, **options):
        if points is not None:
            raise RuntimeError('no points')
        return intact(*arguments, points=points, **options)

    tracker.add_object('a', points=[(20, 20)], labels=[1])
    monkeypatch.setattr(network, 'decode', refuses_points)
    with pytest.raises(RuntimeError, match='no points'):
        tracker.track(frames[1])
    assert [track.object_id for track in tracker.track(frames[2]).tracks] == ['a']
