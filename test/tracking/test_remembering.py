# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is done after a result is out: whatever happens meanwhile, it changes no result."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_network import LEAN, noise_frames, tiny_network

from surgsam2_ros.tracking import Prompt, StreamingTracker, TrackerConfig
from surgsam2_ros.tracking.snapshot import restore_snapshot, take_snapshot

FRAMES = noise_frames(24)
BOXES = {'a': (8, 8, 40, 30), 'b': (30, 20, 60, 44), 'c': (4, 20, 30, 44)}
NETWORKS = {
    'as published': {},
    'lean': {**LEAN, 'appearance_model': False},
    'with looks': LEAN,
}


def is_equal(one, other):
    return [track.object_id for track in one.tracks] == [
        track.object_id for track in other.tracks
    ] and all(
        torch.equal(track.logits, same.logits)
        and track.score == same.score
        and track.state == same.state
        for track, same in zip(one.tracks, other.tracks, strict=True)
    )


def do(tracker, rng, index):
    """Do something between two frames."""
    known = [one.object_id for one in tracker.objects]
    name = 'abc'[rng.integers(3)]
    match rng.integers(7):
        case 0 if name not in known:
            tracker.add_object(name, box=BOXES[name])
        case 1 if name in known:
            tracker.remove_object(name)
        case 2 if name in known:
            x, y = rng.integers(4, 40, 2)
            tracker.add_object(name, points=[(x, y)], labels=[int(rng.integers(2))])
        case 3 if index > 4 and name in known:
            prompt = tracker_prompt(name)
            tracker.add_objects([prompt], frame_index=index - int(rng.integers(1, 4)))
        case 4:
            take_snapshot(tracker)
        case 5 if index > 1 and known:
            tracker.segment(FRAMES[0], [tracker_prompt('other')])


def tracker_prompt(name):
    return Prompt(name, box=BOXES.get(name, BOXES['a']))


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize(
    'settings', [{}, {'min_memory_score': 0.3, 'min_quality': 0.5, 'quality_frames': 2}]
)
@pytest.mark.parametrize('which', list(NETWORKS))
def test_results_are_the_same_whenever_frames_are_remembered(which, settings, seed):
    network = tiny_network(**NETWORKS[which])
    config = TrackerConfig(replay_frames=4, corrections_condition=True, **settings)
    at_once, later = StreamingTracker(network, config), StreamingTracker(network, config)
    draws = [np.random.default_rng(seed) for _ in range(2)]
    moments = np.random.default_rng(100 + seed)
    for tracker in (at_once, later):
        tracker.add_object('a', box=BOXES['a'])
    for index, frame in enumerate(FRAMES):
        for tracker, draw in zip((at_once, later), draws, strict=True):
            do(tracker, draw, index)
        expected = at_once.track(frame)
        found = later.track(frame, remember=False)
        assert is_equal(found, expected), index
        if moments.random() < 0.5:
            later.remember()


@pytest.mark.parametrize('which', list(NETWORKS))
def test_a_snapshot_holds_the_frame_that_is_still_to_be_remembered(which):
    network = tiny_network(**NETWORKS[which])
    first, second = StreamingTracker(network), StreamingTracker(network)
    first.add_object('a', box=BOXES['a'])
    for frame in FRAMES[:6]:
        first.track(frame, remember=False)
    restore_snapshot(second, take_snapshot(first))
    for frame in FRAMES[6:9]:
        one, other = first.track(frame).tracks[0], second.track(frame).tracks[0]
        assert torch.equal(one.logits, other.logits)


def test_memories_are_encoded_after_the_result_is_there(monkeypatch):
    network, calls = tiny_network(), []
    tracker = StreamingTracker(network)
    encode = network.encode_memory
    monkeypatch.setattr(
        network, 'encode_memory', lambda *a, **k: calls.append(1) or encode(*a, **k)
    )
    tracker.add_object('a', box=BOXES['a'])
    tracker.track(FRAMES[0], remember=False)
    assert len(calls) == 1, 'a frame with prompts is all or nothing'
    tracker.track(FRAMES[1], remember=False)
    assert len(calls) == 1
    tracker.remember()
    tracker.remember()
    assert len(calls) == 2
    tracker.track(FRAMES[2], remember=False)
    tracker.reset()
    tracker.remember()
    assert len(calls) == 2, 'what was forgotten is not remembered'


def test_a_frame_that_cannot_be_remembered_is_left_out(monkeypatch):
    network = tiny_network()
    tracker = StreamingTracker(network)
    tracker.add_object('a', box=BOXES['a'])
    tracker.track(FRAMES[0])
    with monkeypatch.context() as broken:
        broken.setattr(network, 'encode_memory', lambda *a, **k: 1 / 0)
        tracker.track(FRAMES[1], remember=False)
        with pytest.raises(ZeroDivisionError):
            tracker.remember()
    tracker.remember()
    result = tracker.track(FRAMES[2])
    assert (result.frame_index, result.tracks[0].object_id) == (2, 'a')
