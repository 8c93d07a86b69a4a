# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A tracker goes on where another one was, and refuses what is no snapshot of its kind."""

from __future__ import annotations

import copy
import dataclasses
import json

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_network import LEAN, noise_frames, tiny_network

from surgsam2_ros.tracking import (
    StreamingTracker,
    TrackerConfig,
    TrackState,
)
from surgsam2_ros.tracking.snapshot import SnapshotError, restore_snapshot, take_snapshot

BOX, OTHER = (8, 8, 40, 30), (30, 20, 60, 44)
HINTED = {**LEAN, 'num_frame_to_prune': 2}


@pytest.fixture(scope='module', name='network')
def _network():
    return tiny_network(**HINTED)


@pytest.fixture(scope='module', name='frames')
def _frames():
    return noise_frames(40)


def followed(network, frames, **config):
    """Track two objects, one of them corrected on the way, a third removed."""
    tracker = StreamingTracker(network, TrackerConfig(**config))
    tracker.add_object('gone', box=OTHER)
    tracker.add_object('a', box=BOX, class_name='hook')
    for number, frame in enumerate(frames):
        if number == 4:
            tracker.add_object('b', box=OTHER)
            tracker.remove_object('gone')
        if number == 9:
            tracker.add_object('a', points=[(20, 20)], labels=[1])
        tracker.track(frame)
    return tracker


def restored(network, snapshot, **config):
    """Restore it in a tracker that has seen other things, after a way through the bytes."""
    tracker = StreamingTracker(network, TrackerConfig(**config))
    tracker.add_object('warm-up', box=BOX)
    tracker.track(noise_frames(1, seed=5)[0])
    state = json.loads(json.dumps(snapshot.state))
    tensors = {name: tensor.clone() for name, tensor in snapshot.tensors.items()}
    restore_snapshot(tracker, dataclasses.replace(snapshot, state=state, tensors=tensors))
    return tracker


@pytest.mark.parametrize(
    'config',
    [
        {},
        {'replay_frames': 6, 'protect_prompted_frames': True, 'corrections_condition': True},
        {'memory_tokens': 2},
        {'write_memory_when_absent': False, 'min_memory_score': 0.2},
        {'min_quality': 0.6, 'write_memory_when_uncertain': False},
        {'num_maskmem': 1},
        {'motion_hint': False},
        {'appearance_model': False},
    ],
)
def test_the_next_frames_are_the_same_to_the_bit(network, frames, config):
    tracker = followed(network, frames[:18], **config)
    other = restored(network, take_snapshot(tracker), **config)
    for frame in frames[18:28]:
        expected, result = tracker.track(frame), other.track(frame)
        assert result.frame_index == expected.frame_index
        assert [t.object_id for t in result.tracks] == ['a', 'b'][: len(expected.tracks)]
        for one, its in zip(expected.tracks, result.tracks, strict=True):
            assert (its.instance, its.class_name) == (one.instance, one.class_name)
            assert torch.equal(its.logits, one.logits)
            assert its.score == one.score


def test_the_view_that_was_found_is_kept_in_the_dark(network, frames):
    framed = np.zeros((len(frames), 96, 160, 3), np.uint8)
    framed[:, 24:72, 40:120] = frames
    tracker = StreamingTracker(network, TrackerConfig(region='auto'))
    tracker.add_object('a', box=(50, 30, 100, 60))
    for frame in framed[:3]:
        tracker.track(frame)
    other = restored(network, take_snapshot(tracker), region='auto')
    dark = np.zeros_like(framed[0])
    (expected,), (track,) = tracker.track(dark).tracks, other.track(dark).tracks
    assert torch.equal(track.logits, expected.logits)
    assert track.box == expected.box
    x, y, width, height = track.box
    assert x >= 38 and x + width <= 122 and y >= 23 and y + height <= 73, 'not the whole image'


def test_a_snapshot_does_not_change_with_the_tracker(network, frames):
    tracker = followed(network, frames[:8])
    snapshot = take_snapshot(tracker)
    before = copy.deepcopy(snapshot.state), {k: t.clone() for k, t in snapshot.tensors.items()}
    for frame in frames[8:30]:
        tracker.track(frame)
    assert snapshot.state == before[0]
    assert all(torch.equal(tensor, before[1][name]) for name, tensor in snapshot.tensors.items())


def test_a_snapshot_grows_no_more_once_the_memory_is_full(network):
    frames = noise_frames(40)
    sizes = [
        sum(t.nbytes for t in take_snapshot(followed(network, frames[:length])).tensors.values())
        for length in (24, 40)
    ]
    assert sizes[0] == sizes[1] > 0


def test_no_object_comes_back_as_tracked(network, frames):
    tracker = followed(network, frames[:12])
    tracker.add_object('new', box=OTHER)
    tracker.track(frames[12])
    assert [o.state for o in tracker.objects] == [
        TrackState.TRACKED,
        TrackState.TRACKED,
        TrackState.TENTATIVE,
    ]
    other = restored(network, take_snapshot(tracker))
    lost, new = TrackState.LOST, TrackState.TENTATIVE
    assert [o.state for o in other.objects] == [lost, lost, new]
    states = [[t.state for t in other.track(frame).tracks] for frame in frames[13:16]]
    assert states == [[new] * 3, [new] * 3, [TrackState.TRACKED] * 3]


def test_an_object_that_stays_away_stays_lost(network, frames):
    snapshot = take_snapshot(followed(network, frames[:12]))
    blind = tiny_network(presence_bias=-5.0, **HINTED)
    other = restored(blind, snapshot)
    assert {t.state for frame in frames[12:20] for t in other.track(frame).tracks} == {
        TrackState.LOST
    }


def test_instances_go_on_where_they_were(network, frames):
    other = restored(network, take_snapshot(followed(network, frames[:8])))
    other.add_object('c', box=BOX)
    assert {o.object_id: o.instance for o in other.objects} == {'a': 2, 'b': 3, 'c': 4}


def test_an_object_of_no_frame_yet_is_left_out(network, frames):
    tracker = followed(network, frames[:8])
    tracker.add_object('waiting', box=BOX)
    assert dict(take_snapshot(tracker).objects) == {'a': 2, 'b': 3}


def test_a_tracker_without_objects_has_a_snapshot_too(network):
    snapshot = take_snapshot(StreamingTracker(network))
    assert snapshot.objects == () and snapshot.tensors == {}
    assert restored(network, snapshot).objects == ()


@pytest.mark.parametrize(
    ('config', 'reason'),
    [
        ({'num_maskmem': 5}, 'num_maskmem 7, this one 5'),
        ({'memory_tokens': 3}, 'memory_tokens None, this one 3'),
        ({'motion_hint': False}, 'motion_hint True, this one False'),
        ({'appearance_model': False}, 'appearance_model True, this one False'),
        ({'max_objects': 1}, '2 objects, and this tracker takes 1'),
    ],
)
def test_a_tracker_of_another_kind_refuses_it(network, frames, config, reason):
    snapshot = take_snapshot(followed(network, frames[:8]))
    tracker = StreamingTracker(network, TrackerConfig(**config))
    with pytest.raises(SnapshotError, match=reason):
        restore_snapshot(tracker, snapshot)
    assert tracker.objects == ()


@pytest.fixture(scope='module', name='snapshot')
def _snapshot(network, frames):
    return take_snapshot(followed(network, frames[:12]))


def test_values_that_are_not_finite_are_refused(network, snapshot):
    for name in ('memories', 'pointers', 'logits', 'seen', 'weights'):
        tensors = {key: tensor.clone() for key, tensor in snapshot.tensors.items()}
        tensors[name].flatten()[3] = float('nan')
        with pytest.raises(SnapshotError, match=f'{name} has values that are not finite'):
            restored(network, dataclasses.replace(snapshot, tensors=tensors))


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(-3, 20), max_size=9),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def places(value, path=()):
    """Yield the way to every value of nested dicts and lists."""
    if path:
        yield path
    keys = range(len(value)) if isinstance(value, list) else value
    for key in keys if isinstance(value, (dict, list)) else ():
        yield from places(value[key], (*path, key))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_stands_in_a_snapshot_it_is_refused_or_tracked(network, frames, snapshot, data):
    state = copy.deepcopy(snapshot.state)
    for _ in range(data.draw(st.integers(1, 2))):
        *way, last = data.draw(st.sampled_from(list(places(state))))
        inner = state
        for key in way:
            inner = inner[key]
        inner[last] = data.draw(ANYTHING)
    tracker = StreamingTracker(network)
    try:
        restore_snapshot(tracker, dataclasses.replace(snapshot, state=state))
    except SnapshotError:
        assert tracker.objects == ()
    assert len(tracker.track(frames[12]).tracks) == len(tracker.objects)
