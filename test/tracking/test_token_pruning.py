# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which tokens of a memory are attended to, and that all of them are the whole memory."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from tiny_network import noise_frames, tiny_network

from surgsam2_ros.tracking import Prompt, StreamingTracker, TrackerConfig
from surgsam2_ros.tracking.token_pruning import choose_cells, squared_distance

SIDE = 16
LATTICE = {y * SIDE + x for y in range(0, SIDE, 4) for x in range(0, SIDE, 4)}


def logits_of(*cells):
    """Mask logits [1, 1, 64, 64] that are positive in one pixel of each cell (y, x)."""
    logits = torch.full((1, 1, 4 * SIDE, 4 * SIDE), -3.0)
    for y, x in cells:
        logits[0, 0, 4 * y + 1, 4 * x + 2] = 1.0
    return logits


def test_distances_are_those_of_opencv():
    rng = np.random.default_rng(0)
    inside = rng.random((5, 12, 20)) < 0.05
    expected = [
        cv2.distanceTransform((~one).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        for one in inside
    ]
    found = squared_distance(torch.from_numpy(inside)).sqrt().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_the_lattice_comes_first_then_the_object_then_its_surroundings():
    cells = choose_cells(logits_of((5, 6), (5, 7)), 22, SIDE)[0].tolist()
    assert set(cells[:16]) == LATTICE
    assert set(cells[16:18]) == {5 * SIDE + 6, 5 * SIDE + 7}
    assert set(cells[18:22]) <= {y * SIDE + x for y in (4, 5, 6) for x in (5, 6, 7, 8)}


def test_without_an_object_the_lattice_grows_finer():
    finer = {y * SIDE + x for y in range(0, SIDE, 2) for x in range(0, SIDE, 2)}
    cells = choose_cells(logits_of(), 64, SIDE)[0].tolist()
    assert set(cells[:16]) == LATTICE
    assert set(cells) == finer


def test_every_object_gets_as_many_cells_and_none_twice():
    logits = torch.cat([logits_of((0, 0)), logits_of(), torch.full((1, 1, 64, 64), 2.0)])
    cells = choose_cells(logits, 96, SIDE)
    assert cells.shape == (3, 96)
    assert all(len(set(row)) == 96 for row in cells.tolist())
    alone = choose_cells(logits[2:], 96, SIDE)
    assert torch.equal(cells[2:], alone)


FRAMES = noise_frames(12)
BOXES = {'a': (5, 5, 30, 30), 'b': (30, 10, 70, 40)}


def run(network, **settings):
    """Track two objects, the second from frame 3 on."""
    tracker = StreamingTracker(network, TrackerConfig(**settings))
    results = []
    for index, rgb in enumerate(FRAMES):
        for name, start in (('a', 0), ('b', 3)):
            if index == start:
                tracker.add_objects([Prompt(name, box=BOXES[name])])
        results.append(tracker.track(rgb))
    return tracker, results


@pytest.fixture(scope='module')
def network():
    return tiny_network(image_size=128, num_frame_to_prune=2)


def test_all_tokens_but_the_last_few_are_nearly_the_whole_memory(network):
    _, whole = run(network)
    _, most = run(network, memory_tokens=63)
    _, few = run(network, memory_tokens=16)
    assert [x.memory_tokens for x in (TrackerConfig(), TrackerConfig(memory_tokens=9))] == [None, 9]

    def apart(one, other):
        pairs = zip(one[-1].tracks, other[-1].tracks, strict=True)
        return max(float((a.logits - b.logits).abs().max()) for a, b in pairs)

    assert 0 < apart(most, whole) < apart(few, whole)


def test_as_many_tokens_as_there_are_is_exact(network):
    _, whole = run(network)
    _, same = run(network, memory_tokens=64)
    for expected, found in zip(whole, same, strict=True):
        for a, b in zip(expected.tracks, found.tracks, strict=True):
            assert torch.equal(a.logits, b.logits)


def test_a_token_keeps_its_place_whatever_the_order(network, monkeypatch):
    """Attention knows no order; a token that got another one's place would show."""
    _, expected = run(network, memory_tokens=40)

    def turned(bank, plan):
        cells = original(bank, plan)
        return cells.flip(-1)

    from surgsam2_ros.tracking.memory_bank import MemoryBank

    original = MemoryBank.gather_cells
    monkeypatch.setattr(MemoryBank, 'gather_cells', turned)
    _, found = run(network, memory_tokens=40)
    for a, b in zip(expected[-1].tracks, found[-1].tracks, strict=True):
        assert float((a.logits - b.logits).abs().max()) < 1e-4


def test_an_absent_object_keeps_the_cells_of_when_it_was_seen():
    network = tiny_network(image_size=128, presence_bias=-5.0)
    tracker = StreamingTracker(network, TrackerConfig(memory_tokens=20))
    mask = np.zeros(FRAMES[0].shape[:2], bool)
    mask[30:40, 50:70] = True
    tracker.add_objects([Prompt('masked', mask=mask), Prompt('never seen', box=BOXES['a'])])
    for rgb in FRAMES:
        result = tracker.track(rgb)
    assert [track.presence < 0.5 for track in result.tracks] == [True, True]
    bank = tracker._bank
    chosen = []
    for tracked in tracker._objects.values():
        memory = tracked.memory
        cells = bank.cells[memory.slot]
        assert torch.equal(cells[memory.prompted[0]], cells[memory.recent.places[11]])
        assert len(set(cells[memory.prompted[0]].tolist())) == 20
        chosen.append(cells[memory.prompted[0]])
    assert not torch.equal(*chosen)


def test_no_tokens_is_refused():
    with pytest.raises(ValueError, match='memory_tokens is 0; it must be at least 1'):
        TrackerConfig(memory_tokens=0)
