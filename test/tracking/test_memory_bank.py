# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is remembered, how it is read as one batch, and that it stays bounded."""

import gc

import pytest
import torch
from tiny_network import noise_frames, tiny_network
from torch._subclasses import FakeTensor

from surgsam2_ros.tracking import Prompt, StreamingTracker, TrackerConfig, TrackState
from surgsam2_ros.tracking.memory_bank import MemoryBank

FRAMES = noise_frames(24)
BOX_A, BOX_B = (5, 5, 30, 30), (30, 10, 70, 40)


@pytest.fixture(scope='module')
def network():
    return tiny_network()


def tracker_of(network, **settings):
    return StreamingTracker(network, TrackerConfig(**settings))


def memory_of(tracker, object_id='a'):
    return tracker._objects[object_id].memory


def read(tracker):
    with torch.inference_mode():
        memories = [tracked.memory for tracked in tracker._objects.values()]
        return tracker._bank.read(memories, tracker.frame_index)


def test_memories_are_stored_in_bfloat16(network):
    tracker = tracker_of(network)
    tracker.add_object('a', box=BOX_A)
    tracker.track(FRAMES[0])
    assert tracker._bank.features.dtype == torch.bfloat16
    assert tracker._bank.pointers.dtype == torch.float32


def test_an_old_object_reads_five_memories_and_sixteen_pointers(network):
    tracker = tracker_of(network)
    tracker.add_object('a', box=BOX_A)
    for rgb in FRAMES[:20]:
        tracker.track(rgb)
    tokens = read(tracker)
    assert tokens.num_pointer_tokens == 16 * 2
    assert tokens.features.shape == (1, 5 * 16 + 32, 16)
    assert tokens.position.shape == tokens.features.shape


def test_without_pruning_it_reads_seven(network):
    tracker = tracker_of(network, num_frame_to_prune=0)
    tracker.add_object('a', box=BOX_A)
    for rgb in FRAMES[:20]:
        tracker.track(rgb)
    assert read(tracker).features.shape[1] == 7 * 16 + 32


def test_objects_of_one_age_need_no_key_mask(network):
    tracker = tracker_of(network)
    tracker.add_objects([Prompt('a', box=BOX_A), Prompt('b', box=BOX_B)])
    for rgb in FRAMES[:4]:
        tracker.track(rgb)
        assert read(tracker).key_mask is None


def test_objects_of_different_age_need_one_until_both_are_old(network):
    tracker = tracker_of(network)
    tracker.add_object('a', box=BOX_A)
    for index, rgb in enumerate(FRAMES):
        if index == 3:
            tracker.add_object('b', box=BOX_B)
        tracker.track(rgb)
        if index == 5:
            mask = read(tracker).key_mask
            assert mask.sum(1).tolist() == [5 * 16 + 6 * 2, 3 * 16 + 3 * 2]
    assert read(tracker).key_mask is None


def test_each_object_of_a_batch_reads_what_it_reads_alone(network):
    together, alone = tracker_of(network), tracker_of(network)
    together.add_object('a', box=BOX_A)
    for index, rgb in enumerate(FRAMES[:9]):
        if index == 4:
            for tracker in (together, alone):
                tracker.add_object('b', box=BOX_B)
        together.track(rgb)
        alone.track(rgb)
    ours, expected = read(together), read(alone)
    keys = ours.key_mask[1]
    torch.testing.assert_close(ours.position[1][keys], expected.position[0])
    difference = (ours.features[1][keys] - expected.features[0]).abs()
    assert difference.max() < 0.02  # one place in bfloat16: a batch rounds differently


def test_an_absent_object_is_not_remembered_where_that_is_asked():
    network = tiny_network(presence_bias=-5.0)
    tracker = tracker_of(network, write_memory_when_absent=False)
    tracker.add_object('a', box=BOX_A)
    for rgb in FRAMES[:10]:
        tracker.track(rgb)
    assert list(memory_of(tracker).prompted) == [0]
    assert list(memory_of(tracker).recent.places) == []
    assert len(memory_of(tracker).pointers.places) == 9


def test_masks_of_low_score_are_not_remembered_where_that_is_asked(network):
    everything, nothing = (
        tracker_of(network, min_memory_score=least, replay_frames=4) for least in (0.01, 1.0)
    )
    for tracker in (everything, nothing):
        tracker.add_object('a', box=BOX_A)
        for rgb in FRAMES[:10]:
            tracker.track(rgb)
    assert len(memory_of(everything).recent.places) >= 6
    assert list(memory_of(nothing).recent.places) == []


def predict(tracker, scores):
    """Have a tracker predict these scores, one for each frame, of its one object."""
    run = tracker._step.run

    def run_and_predict(features, index, tasks, flow):
        decoded, remember = run(features, index, tasks, flow)
        return decoded._replace(iou=torch.full_like(decoded.iou, scores[index])), remember

    tracker._step.run = run_and_predict


SCORES = [0.9, 0.9, 0.9, 0.4, 0.9, 0.9, 0.9, 0.65, 0.65, 0.9, 0.9]
UNCERTAIN_FRAMES = [3, 4, 5, 8, 9]  # by the mean of three: it takes 0.78 to recover


def test_frames_with_an_uncertain_object_are_not_remembered_where_that_is_asked(network):
    tracker = tracker_of(network, write_memory_when_uncertain=False, min_quality=0.75)
    predict(tracker, SCORES)
    tracker.add_object('a', box=BOX_A)
    uncertain, remembered = [], []
    for index, rgb in enumerate(FRAMES[: len(SCORES)]):
        if tracker.track(rgb).tracks[0].state == TrackState.UNCERTAIN:
            uncertain.append(index)
        remembered += [i for i in memory_of(tracker).recent.places if i not in remembered]
    assert uncertain == UNCERTAIN_FRAMES
    assert remembered == [i for i in range(1, len(SCORES)) if i not in UNCERTAIN_FRAMES]
    assert len(memory_of(tracker).pointers.places) == len(SCORES) - 1


@pytest.mark.parametrize('writes', [True, False])
def test_frames_drawn_later_have_the_states_of_frames_drawn_at_once(network, writes):
    tracker = tracker_of(network, write_memory_when_uncertain=writes, min_quality=0.75)
    predict(tracker, SCORES)
    tracker.add_object('a', box=BOX_A)
    outcomes = [tracker.advance(rgb) for rgb in FRAMES[: len(SCORES)]]
    states = [outcome.render().tracks[0].state for outcome in outcomes]
    uncertain = [i for i, state in enumerate(states) if state == TrackState.UNCERTAIN]
    assert uncertain == UNCERTAIN_FRAMES


def test_an_object_that_is_not_visible_is_not_judged():
    network = tiny_network(presence_bias=-5.0)
    tracker = tracker_of(network, write_memory_when_uncertain=False, min_quality=0.75)
    predict(tracker, [0.1] * 8)
    tracker.add_object('a', box=BOX_A)
    states = {tracker.track(rgb).tracks[0].state for rgb in FRAMES[:8]}
    assert states == {TrackState.OCCLUDED}
    assert list(memory_of(tracker).recent.places) == [1, 2, 3, 4, 5, 6, 7]


def test_without_places_for_tracked_frames_nothing_is_to_be_kept_out(network):
    tracker = tracker_of(network, num_maskmem=1, num_frame_to_prune=0, min_memory_score=1.0)
    tracker.add_object('a', box=BOX_A)
    for rgb in FRAMES[:4]:
        tracker.track(rgb)
    assert list(memory_of(tracker).recent.places) == []


def test_a_corrected_frame_is_remembered_even_then(network):
    tracker = tracker_of(network, min_memory_score=1.0)
    tracker.add_object('a', box=BOX_A)
    for index, rgb in enumerate(FRAMES[:8]):
        if index == 5:
            tracker.add_object('a', points=[(20, 20)], labels=[1])
        tracker.track(rgb)
    assert list(memory_of(tracker).recent.places) == [5]


def test_corrections_become_prompted_frames_where_that_is_asked(network):
    tracker = tracker_of(network, corrections_condition=True, max_prompted_frames=3)
    for index, rgb in enumerate(FRAMES[:12]):
        if index % 2 == 0:
            tracker.add_object('a', points=[(20, 20)], labels=[1])
        tracker.track(rgb)
    assert list(memory_of(tracker).prompted) == [0, 8, 10]


def test_prompted_frames_can_be_protected_from_pruning(network):
    def candidates(**settings):
        tracker = tracker_of(network, corrections_condition=True, **settings)
        for index, rgb in enumerate(FRAMES[:10]):
            if index in (0, 4):
                tracker.add_object('a', points=[(20, 20)], labels=[1])
            tracker.track(rgb)
        return tracker._bank._candidates(memory_of(tracker).select(10))

    assert candidates() == [False, True, True, True, True, True, False]
    assert candidates(protect_prompted_frames=True) == [
        False,
        False,
        True,
        True,
        True,
        True,
        False,
    ]


def test_slots_grow_with_the_objects_and_are_used_again(network):
    with torch.inference_mode():
        bank = MemoryBank(network, TrackerConfig(max_objects=5))
        memories = [bank.add_object() for _ in range(5)]
        assert sorted(memory.slot for memory in memories) == [0, 1, 2, 3, 4]
        assert len(bank.features) == 5
        bank.remove_object(memories[2])
        assert bank.add_object().slot == 2


def live_bytes():
    """Bytes of all tensors that are alive, storages counted once."""
    gc.collect()
    storages = {}
    for thing in gc.get_objects():
        if not issubclass(type(thing), torch.Tensor):
            continue
        # Those left over where a step was captured, and weights in oneDNN's order, show no storage.
        if not isinstance(thing, FakeTensor) and not thing.is_mkldnn:
            storage = thing.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


def test_memory_is_flat_over_two_thousand_frames(monkeypatch):
    network = tiny_network(image_size=32)
    tracker = tracker_of(network, replay_frames=5, corrections_condition=True)
    tracker.add_objects([Prompt('a', box=BOX_A), Prompt('b', box=BOX_B)])
    features = [network.encode_image(torch.randn(1, 3, 32, 32)) for _ in range(3)]
    monkeypatch.setattr(network, 'encode_image', lambda _: features[tracker.frame_index % 3])
    for index in range(2000):
        if index % 37 == 20:
            tracker.add_object('a', points=[(20, 20)], labels=[1])
        if index % 41 == 10:
            tracker.remove_object('b')
            tracker.add_object('b', box=BOX_B)
        result = tracker.track(FRAMES[index % 24])
        if index == 50:
            early = live_bytes()
    assert live_bytes() == early
    assert result.frame_index == 1999
