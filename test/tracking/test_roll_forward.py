# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Prompts for frames that are already past: they count as if they had come in time."""

import numpy as np
import pytest
import torch
from tiny_network import noise_frames, tiny_network

from surgsam2_ros.tracking import Prompt, PromptError, StreamingTracker, TrackerConfig

FRAMES = noise_frames(20)
BOX_A, BOX_B = (5, 5, 30, 30), (30, 10, 70, 40)
FIRST = Prompt('a', box=BOX_A)


@pytest.fixture(scope='module')
def network():
    return tiny_network()


def tracker_of(network, **settings):
    return StreamingTracker(network, TrackerConfig(**{'replay_frames': 8, **settings}))


def follow(tracker, frames, prompts=(), late=()):
    """Track frames 0, 1, …; `prompts` are (frame, Prompt), `late` ones (after, frame, Prompt)."""
    results = []
    for index in range(frames):
        for frame, prompt in prompts:
            if frame == index:
                tracker.add_objects([prompt])
        results.append(tracker.track(FRAMES[index]))
        for after, frame, prompt in late:
            if after == index:
                tracker.add_objects([prompt], frame_index=frame)
    return results


def logits(result, object_id='a'):
    return next(track.logits for track in result.tracks if track.object_id == object_id)


def assert_equal_from(frame, results, expected, object_id='a'):
    for ours, theirs in zip(results[frame:], expected[frame:], strict=True):
        assert (logits(ours, object_id) - logits(theirs, object_id)).abs().max() <= 1e-5


@pytest.mark.parametrize('past', [3, 6])
def test_a_new_object_is_rolled_forward_to_now(network, past):
    late = follow(tracker_of(network), 12, late=[(6, past, FIRST)])
    in_time = follow(tracker_of(network), 12, prompts=[(past, FIRST)])
    assert all(result.tracks == () for result in late[:7])
    assert_equal_from(7, late, in_time)


def test_a_correction_is_rolled_forward_to_now(network):
    click = Prompt('a', points=[(20, 20)], labels=[0])
    late = follow(tracker_of(network), 16, prompts=[(0, FIRST)], late=[(12, 9, click)])
    in_time = follow(tracker_of(network), 16, prompts=[(0, FIRST), (9, click)])
    uncorrected = follow(tracker_of(network), 16, prompts=[(0, FIRST)])
    assert_equal_from(13, late, in_time)
    assert (logits(late[13]) - logits(uncorrected[13])).abs().max() > 1e-4


def test_a_correction_keeps_later_ones_in_force(network):
    early = Prompt('a', points=[(20, 20)], labels=[0])
    later = Prompt('a', points=[(60, 40)], labels=[1])
    late = follow(tracker_of(network), 14, prompts=[(0, FIRST), (9, later)], late=[(10, 7, early)])
    in_time = follow(tracker_of(network), 14, prompts=[(0, FIRST), (7, early), (9, later)])
    assert_equal_from(11, late, in_time)


def test_two_clicks_on_the_same_past_frame_add_up(network):
    first = Prompt('a', points=[(20, 20)], labels=[1])
    second = Prompt('a', points=[(60, 40)], labels=[0], clear_old_points=False)
    late = follow(tracker_of(network), 9, late=[(4, 4, first), (6, 4, second)])
    in_time = follow(tracker_of(network), 9, prompts=[(4, first), (4, second)])
    assert_equal_from(7, late, in_time)


def test_other_objects_are_left_as_they_are(network):
    other = Prompt('b', box=BOX_B)
    late = follow(tracker_of(network), 12, prompts=[(0, FIRST)], late=[(6, 4, other)])
    alone = follow(tracker_of(network), 12, prompts=[(0, FIRST)])
    in_time = follow(tracker_of(network), 12, prompts=[(4, other)])
    assert_equal_from(0, late, alone)
    assert_equal_from(7, late, in_time, 'b')


def test_prompts_for_different_past_frames_share_one_replay(network):
    other = Prompt('b', box=BOX_B)
    late = follow(tracker_of(network), 10, late=[(6, 2, FIRST), (6, 5, other)])
    in_time = follow(tracker_of(network), 10, prompts=[(2, FIRST), (5, other)])
    assert_equal_from(7, late, in_time)
    assert_equal_from(7, late, in_time, 'b')


def test_an_object_may_be_prompted_before_its_first_frame(network):
    earlier = Prompt('a', box=BOX_B)
    tracker = tracker_of(network)
    results = follow(tracker, 10, prompts=[(5, FIRST)], late=[(7, 3, earlier)])
    assert sorted(tracker._objects['a'].memory.prompted) == [3, 5]
    assert len(results[-1].tracks) == 1


def test_the_named_frame_gives_the_image_size(network):
    tracker = tracker_of(network)
    tracker.track(noise_frames(1, 100, 140)[0])
    tracker.track(FRAMES[0])
    tracker.add_objects([Prompt('a', box=(90, 60, 140, 100))], frame_index=0)
    with pytest.raises(PromptError, match='outside the 80x48 image'):
        tracker.add_objects([Prompt('b', box=(90, 60, 140, 100))], frame_index=1)


def test_the_index_of_the_next_frame_means_the_next_frame(network):
    tracker = tracker_of(network, replay_frames=0)
    tracker.track(FRAMES[0])
    tracker.add_objects([FIRST], frame_index=tracker.frame_index)
    assert len(tracker.track(FRAMES[1]).tracks) == 1


@pytest.mark.parametrize(
    ('replay_frames', 'frame', 'words'),
    [
        (2, 1, r'frame 1 is not kept \(kept: 3 to 4\).*replay_frames, which is 2'),
        (2, 9, r'frame 9 is not kept'),
        (0, 4, r'frame 4 is not kept \(kept: none\)'),
    ],
)
def test_a_frame_that_is_not_kept_is_refused(network, replay_frames, frame, words):
    tracker = tracker_of(network, replay_frames=replay_frames)
    follow(tracker, 5)
    with pytest.raises(PromptError, match=words):
        tracker.add_objects([FIRST], frame_index=frame)
    assert tracker.objects == ()


def test_keeping_frames_does_not_change_results(network):
    without = follow(tracker_of(network, replay_frames=0), 14, prompts=[(0, FIRST)])
    assert_equal_from(0, follow(tracker_of(network), 14, prompts=[(0, FIRST)]), without)


@pytest.mark.parametrize('taste', [1.0, -1.0])
def test_a_box_counts_without_memory_where_the_network_believes_it_more(taste):
    box, tracks = Prompt('a', box=(12, 4, 40, 26)), []
    for without in (False, True):
        network = tiny_network(correct_without_memory=without)
        with torch.no_grad():
            network.sam_mask_decoder.iou_prediction_head.layers[-1].weight.mul_(taste)
        results = follow(tracker_of(network), 7, prompts=[(0, FIRST), (6, box)])
        tracks.append(results[6].tracks[0])
    official, chosen = tracks
    if taste > 0:  # with the memory, as the official rule has it
        assert chosen.score == official.score
        assert (chosen.logits - official.logits).abs().max() == 0
    else:
        assert chosen.score > official.score
        assert (chosen.logits - official.logits).abs().max() > 0


@pytest.mark.parametrize('on_object', [True, False])
def test_a_click_on_a_tracked_mask_is_obeyed_by_a_network_that_corrects_without_memory(on_object):
    followed = follow(tracker_of(tiny_network()), 9, prompts=[(0, FIRST)])
    mask = followed[8].tracks[0].mask
    assert mask.any()
    assert not mask.all()
    ys, xs = np.nonzero(mask != on_object)
    place = len(xs) // 2
    click = Prompt('a', points=[(xs[place] + 0.5, ys[place] + 0.5)], labels=[int(on_object)])
    tracker = tracker_of(tiny_network(correct_without_memory=True))
    corrected = follow(tracker, 9, prompts=[(0, FIRST), (8, click)])[8].tracks[0]
    assert corrected.mask[ys[place], xs[place]] == on_object
    assert 0 <= corrected.score <= 1


def test_such_a_correction_forgets_what_was_tracked_and_keeps_what_was_prompted():
    click = Prompt('a', points=[(20, 20)], labels=[1])
    network = tiny_network(correct_without_memory=True)
    corrected = tracker_of(network, corrections_condition=True)
    follow(corrected, 9, prompts=[(0, FIRST), (8, click)])
    memory = corrected._objects['a'].memory
    assert set(memory.prompted) == {0, 8}
    assert not memory.recent.places
    assert not memory.pointers.places
    late = tracker_of(network, corrections_condition=True)
    in_time = tracker_of(network, corrections_condition=True)
    ours = follow(late, 14, prompts=[(0, FIRST)], late=[(11, 8, click)])
    theirs = follow(in_time, 14, prompts=[(0, FIRST), (8, click)])
    assert_equal_from(12, ours, theirs)
