# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the streaming tracker does with objects, frames and requests; weights are random."""

import numpy as np
import pytest
import torch
from tiny_network import noise_frames, tiny_network

from surgsam2_ros.tracking import (
    Prompt,
    PromptError,
    StreamingTracker,
    TrackerConfig,
    TrackState,
    UnknownObjectError,
    look_ahead,
)
from surgsam2_ros.tracking import motion as motion_module

FRAMES = noise_frames(24)
SIZE = FRAMES.shape[1:3]
BOX_A, BOX_B = (5, 5, 30, 30), (30, 10, 70, 40)


@pytest.fixture(scope='module')
def network():
    return tiny_network()


def tracker_of(network, **settings):
    return StreamingTracker(network, TrackerConfig(**settings))


def logits(result, object_id):
    return next(track.logits for track in result.tracks if track.object_id == object_id)


def close(first, second):
    assert (first - second).abs().max() <= 1e-5


def test_one_frame_with_one_object(network):
    tracker = tracker_of(network)
    tracker.add_object('scissors', box=BOX_A, class_name='tool')
    result = tracker.track(FRAMES[0])
    (track,) = result.tracks
    assert result.frame_index == 0
    assert result.label_image.shape == SIZE
    assert result.label_image.dtype == np.uint8
    assert (track.object_id, track.instance, track.class_name) == ('scissors', 1, 'tool')
    assert track.mask.shape == SIZE
    assert track.mask.dtype == bool
    assert track.logits.shape == (16, 16)
    assert 0.0 <= track.score <= 1.0
    assert track.presence > 0.9
    assert track.state == TrackState.TENTATIVE
    assert ((result.label_image == 1) == track.mask).all()


def test_geometry_is_that_of_the_mask(network):
    tracker = tracker_of(network)
    mask = np.zeros(SIZE, bool)
    mask[10:30, 20:60] = True
    tracker.add_object('a', mask=mask)
    (track,) = tracker.track(FRAMES[0]).tracks
    rows, columns = np.nonzero(track.mask)
    assert track.area == len(rows) > 0
    assert track.centroid == pytest.approx((columns.mean(), rows.mean()))
    left, top = columns.min(), rows.min()
    width, height = columns.max() - left + 1, rows.max() - top + 1
    assert track.box == (left, top, width, height)


def test_an_absent_object_has_no_geometry():
    tracker = tracker_of(tiny_network(presence_bias=-5.0))
    tracker.add_object('a', box=BOX_A)
    (track,) = tracker.track(FRAMES[0]).tracks
    assert (track.box, track.centroid, track.area) == (None, None, 0)
    assert (track.logits == -1024).all()
    assert track.state == TrackState.OCCLUDED
    assert track.frames_since_seen == 1


def test_an_object_is_lost_after_a_time_that_is_counted_by_the_stamps_of_images():
    tracker = tracker_of(tiny_network(presence_bias=-5.0), lost_after_s=1.0)
    tracker.add_object('a', box=BOX_A)
    at_s = [50.0, 50.4, 3650.0, 49.0, 49.3]  # counts 1/30, 0.4, at most 0.5, nothing, 0.3
    results = [tracker.track(FRAMES[n], round(s * 1e9)) for n, s in enumerate(at_s)]
    states = [result.tracks[0].state for result in results]
    assert states == [TrackState.OCCLUDED] * 4 + [TrackState.LOST]
    assert results[-1].tracks[0].frames_since_seen == 5


def test_a_reset_forgets_the_time_of_the_newest_image():
    tracker = tracker_of(tiny_network(presence_bias=-5.0), lost_after_s=0.1)
    tracker.track(FRAMES[0], 10**9)
    tracker.reset()
    tracker.add_object('a', box=BOX_A)
    (track,) = tracker.track(FRAMES[1], 2 * 10**9).tracks
    assert track.state == TrackState.OCCLUDED


def test_without_objects_frames_are_counted_and_empty(network):
    tracker = tracker_of(network)
    results = [tracker.track(rgb) for rgb in FRAMES[:3]]
    assert [result.frame_index for result in results] == [0, 1, 2]
    assert all(result.tracks == () and not result.label_image.any() for result in results)
    assert tracker.frame_index == 3


def test_states_follow_what_is_seen(network):
    tracker = tracker_of(network, tentative_frames=2)
    tracker.add_object('a', box=BOX_A)
    states = [tracker.track(rgb).tracks[0].state for rgb in FRAMES[:3]]
    assert states == [TrackState.TENTATIVE, TrackState.TRACKED, TrackState.TRACKED]
    assert tracker.objects[0].state == TrackState.TRACKED


def test_an_object_that_comes_later_leaves_the_others_as_they_are(network):
    alone, joined = tracker_of(network), tracker_of(network)
    for tracker in (alone, joined):
        tracker.add_object('a', box=BOX_A)
    for frame, rgb in enumerate(FRAMES[:12]):
        if frame == 4:
            joined.add_object('b', box=BOX_B)
        close(logits(joined.track(rgb), 'a'), logits(alone.track(rgb), 'a'))


def test_an_object_that_comes_later_is_tracked_as_if_it_were_alone(network):
    alone, joined = tracker_of(network), tracker_of(network)
    joined.add_object('a', box=BOX_A)
    for rgb in FRAMES[:9]:
        joined.track(rgb)
    for tracker in (alone, joined):
        tracker.add_object('b', box=BOX_B)
    for rgb in FRAMES[9:20]:
        close(logits(joined.track(rgb), 'b'), logits(alone.track(rgb), 'b'))


def test_an_object_that_goes_leaves_the_others_as_they_are(network):
    alone, joined = tracker_of(network), tracker_of(network)
    for tracker in (alone, joined):
        tracker.add_object('a', box=BOX_A)
    joined.add_object('b', box=BOX_B)
    for frame, rgb in enumerate(FRAMES[:12]):
        if frame == 3:
            joined.remove_object('b')
        if frame == 5:
            joined.add_object('c', box=BOX_B)  # takes the place that b left
        close(logits(joined.track(rgb), 'a'), logits(alone.track(rgb), 'a'))


def test_instances_stay_and_are_not_given_out_again_soon(network):
    tracker = tracker_of(network)
    tracker.add_objects([Prompt(name, box=BOX_A) for name in 'abc'])
    tracker.track(FRAMES[0])
    tracker.remove_object('b')
    tracker.add_object('d', box=BOX_B)
    result = tracker.track(FRAMES[1])
    assert {track.object_id: track.instance for track in result.tracks} == {
        'a': 1,
        'c': 3,
        'd': 4,
    }


def test_instances_wrap_around_past_those_in_use(network):
    tracker = tracker_of(network)
    tracker.add_object('first', box=BOX_A)
    for index in range(253):
        tracker.add_object(str(index), box=BOX_A)
        tracker.remove_object(str(index))
    tracker.add_object('next', box=BOX_A)
    assert [info.instance for info in tracker.objects] == [1, 2]


def test_removing_an_unknown_object_names_the_known_ones(network):
    tracker = tracker_of(network)
    tracker.add_object('a', box=BOX_A)
    with pytest.raises(UnknownObjectError, match="'b' is not tracked; tracked objects: a"):
        tracker.remove_object('b')


def test_reset_forgets_everything(network):
    tracker, fresh = tracker_of(network), tracker_of(network)
    tracker.add_object('a', box=BOX_A)
    for rgb in FRAMES[:5]:
        tracker.track(rgb)
    tracker.reset()
    assert tracker.objects == ()
    assert tracker.frame_index == 0
    for other in (tracker, fresh):
        other.add_object('b', box=BOX_B)
    for rgb in FRAMES[5:10]:
        ours, expected = tracker.track(rgb), fresh.track(rgb)
        assert ours.frame_index == expected.frame_index
        assert ours.tracks[0].instance == expected.tracks[0].instance == 1
        close(logits(ours, 'b'), logits(expected, 'b'))


@pytest.mark.parametrize(
    ('prompts', 'words'),
    [
        ([Prompt('b', box=BOX_B), Prompt('c', box=(0, 0, 500, 5))], "'c'.* outside"),
        ([Prompt('b', box=BOX_B), Prompt('b', box=BOX_B)], 'twice'),
        ([Prompt(name, box=BOX_B) for name in 'bcd'], '4 objects; at most 3'),
        ([Prompt('b', box=BOX_B), Prompt('a', points=[], labels=[])], "'a'.* empty"),
    ],
)
def test_a_request_is_taken_as_a_whole_or_not_at_all(network, prompts, words):
    tracker = tracker_of(network, max_objects=3)
    tracker.add_object('a', box=BOX_A)
    tracker.track(FRAMES[0])
    with pytest.raises(PromptError, match=words):
        tracker.add_objects(prompts)
    assert [info.object_id for info in tracker.objects] == ['a']
    assert len(tracker.track(FRAMES[1]).tracks) == 1


def test_a_known_object_is_refined_only_where_that_is_allowed(network):
    tracker = tracker_of(network)
    tracker.add_object('a', box=BOX_A)
    with pytest.raises(PromptError, match="'a': the object exists already"):
        tracker.add_objects([Prompt('b', box=BOX_B), Prompt('a', box=BOX_B)], allow_update=False)
    assert len(tracker.objects) == 1


def test_a_refinement_keeps_the_instance_and_may_name_the_class(network):
    tracker, other = tracker_of(network), tracker_of(network)
    for each in (tracker, other):
        each.add_object('a', box=BOX_A, class_name='grasper')
        each.track(FRAMES[0])
    tracker.add_object('a', points=[(20, 20)], labels=[0])
    result, unrefined = tracker.track(FRAMES[1]), other.track(FRAMES[1])
    assert result.tracks[0].instance == 1
    assert result.tracks[0].class_name == 'grasper'
    assert (logits(result, 'a') - logits(unrefined, 'a')).abs().max() > 1e-3
    tracker.add_object('a', points=[(20, 20)], labels=[1], class_name='scissors')
    assert tracker.track(FRAMES[2]).tracks[0].class_name == 'scissors'
    assert tracker.objects[0].class_name == 'scissors'


def test_a_prompt_before_the_first_frame_is_checked_when_it_comes(network):
    tracker = tracker_of(network)
    tracker.add_object('good', box=BOX_A)
    tracker.add_object('bad', box=(0, 0, 200, 200))
    with pytest.raises(PromptError, match=r"'bad'.*outside the 80x48 image"):
        tracker.track(FRAMES[0])
    result = tracker.track(FRAMES[0])
    assert result.frame_index == 0
    assert [track.object_id for track in result.tracks] == ['good']


def test_prompts_are_scaled_by_the_size_they_were_made_for(network):
    native, doubled = tracker_of(network), tracker_of(network)
    native.add_objects([Prompt('a', box=BOX_A)], image_size=SIZE)
    doubled.add_objects(
        [Prompt('a', box=tuple(2 * value for value in BOX_A))],
        image_size=(2 * SIZE[0], 2 * SIZE[1]),
    )
    close(logits(native.track(FRAMES[0]), 'a'), logits(doubled.track(FRAMES[0]), 'a'))


def test_the_image_size_may_change_mid_stream(network):
    tracker = tracker_of(network)
    tracker.add_object('a', box=BOX_A)
    tracker.track(FRAMES[0])
    larger = noise_frames(1, 100, 140)[0]
    result = tracker.track(larger)
    assert result.label_image.shape == result.tracks[0].mask.shape == (100, 140)
    tracker.add_object('b', box=(100, 50, 140, 100))
    assert len(tracker.track(larger).tracks) == 2


def test_a_bad_image_changes_nothing(network):
    tracker = tracker_of(network)
    tracker.add_object('a', box=BOX_A)
    with pytest.raises(ValueError, match='float32'):
        tracker.track(FRAMES[0].astype(np.float32))
    assert tracker.frame_index == 0
    assert len(tracker.track(FRAMES[0]).tracks) == 1


def test_segmenting_an_image_leaves_no_trace(network):
    tracker, undisturbed = tracker_of(network), tracker_of(network)
    for each in (tracker, undisturbed):
        each.add_object('a', box=BOX_A)
        each.track(FRAMES[0])
    other = noise_frames(1, 30, 30, seed=9)[0]
    mask = np.zeros((30, 30), bool)
    mask[5:20, 5:20] = True
    result = tracker.segment(
        other, [Prompt('a', box=(2, 2, 20, 20)), Prompt('z', mask=mask, class_name='needle')]
    )
    assert result.frame_index == -1
    assert result.label_image.shape == (30, 30)
    assert [(track.object_id, track.instance) for track in result.tracks] == [('a', 1), ('z', 2)]
    assert result.tracks[1].class_name == 'needle'
    assert result.tracks[1].state == TrackState.TENTATIVE
    close(logits(tracker.track(FRAMES[1]), 'a'), logits(undisturbed.track(FRAMES[1]), 'a'))


def test_segmenting_equals_the_first_frame_of_tracking(network):
    tracker = tracker_of(network)
    prompts = [Prompt('a', points=[(10, 10)], labels=[1]), Prompt('b', box=BOX_B)]
    segmented = tracker.segment(FRAMES[0], prompts)
    tracker.add_objects(prompts)
    tracked = tracker.track(FRAMES[0])
    for ours, expected in zip(segmented.tracks, tracked.tracks, strict=True):
        close(ours.logits, expected.logits)


def test_prompts_of_every_kind_share_a_frame(network):
    mask = np.zeros(SIZE, bool)
    mask[5:30, 10:50] = True
    kinds = {
        'mask': {'mask': mask},
        'other mask': {'mask': ~mask},
        'box': {'box': BOX_A},
        'other box': {'box': BOX_B},
        'point': {'points': [(10, 10)], 'labels': [1]},
        'two points': {'points': [(10, 10), (70, 40)], 'labels': [1, 0]},
    }
    tracker = tracker_of(network)
    together = tracker.segment(FRAMES[0], [Prompt(name, **kinds[name]) for name in kinds])
    for track in together.tracks:
        alone = tracker.segment(FRAMES[0], [Prompt('alone', **kinds[track.object_id])])
        close(track.logits, alone.tracks[0].logits)


def test_segmenting_refuses_bad_prompts(network):
    tracker = tracker_of(network)
    with pytest.raises(PromptError, match='outside the 80x48'):
        tracker.segment(FRAMES[0], [Prompt('a', points=[(90, 3)], labels=[1])])
    assert tracker.segment(FRAMES[0], []).tracks == ()


def test_several_prompts_for_one_frame_follow_each_other(network):
    tracker, single = tracker_of(network), tracker_of(network)
    tracker.add_object('a', points=[(20, 20)], labels=[1])
    tracker.add_objects(
        [Prompt('a', points=[(60, 20)], labels=[0], clear_old_points=False)], image_size=SIZE
    )
    single.add_object('a', points=[(60, 20)], labels=[0])
    both, last = tracker.track(FRAMES[0]), single.track(FRAMES[0])
    assert (logits(both, 'a') - logits(last, 'a')).abs().max() > 1e-3
    assert len(both.tracks) == 1


def test_a_presence_threshold_empties_doubtful_masks_but_not_the_memory():
    network = tiny_network(presence_bias=1.0)  # presence 0.73
    plain, strict = tracker_of(network), tracker_of(network, presence_threshold=0.9)
    for tracker in (plain, strict):
        tracker.add_object('a', box=BOX_A)
    for rgb in FRAMES[:3]:
        result, expected = strict.track(rgb), plain.track(rgb)
        close(logits(result, 'a'), logits(expected, 'a'))
        assert not result.tracks[0].mask.any()
        assert result.tracks[0].state == TrackState.OCCLUDED
    assert expected.tracks[0].state == TrackState.TRACKED


def test_a_network_in_training_mode_is_refused():
    with pytest.raises(ValueError, match=r'call network\.eval\(\)'):
        StreamingTracker(tiny_network().train())


@pytest.mark.parametrize(
    ('settings', 'words'),
    [
        ({'num_maskmem': 9}, 'num_maskmem is 9; the network was trained with 7'),
        ({'num_frame_to_prune': 6}, 'num_frame_to_prune is 6; at most num_maskmem - 2 = 5'),
        ({'num_maskmem': 3, 'num_frame_to_prune': 2}, 'num_frame_to_prune is 2; at most'),
    ],
)
def test_settings_that_do_not_fit_the_network_are_refused(network, settings, words):
    with pytest.raises(ValueError, match=words):
        tracker_of(network, **settings)


@pytest.mark.parametrize('num_maskmem', [1, 2, 4])
def test_fewer_memories_than_trained_may_be_read(network, num_maskmem):
    tracker = tracker_of(network, num_maskmem=num_maskmem)
    tracker.add_object('a', box=BOX_A)
    results = [tracker.track(rgb) for rgb in FRAMES[:10]]
    assert torch.isfinite(logits(results[-1], 'a')).all()


def test_results_do_not_alias_each_other(network):
    tracker = tracker_of(network)
    tracker.add_object('a', box=BOX_A)
    first = tracker.track(FRAMES[0])
    kept = first.label_image.copy(), first.tracks[0].mask.copy(), first.tracks[0].logits.clone()
    for rgb in FRAMES[1:5]:
        tracker.track(rgb)
    assert (first.label_image == kept[0]).all()
    assert (first.tracks[0].mask == kept[1]).all()
    assert torch.equal(first.tracks[0].logits, kept[2])


@pytest.mark.parametrize('settings', [{}, {'write_memory_when_absent': False}])
@pytest.mark.parametrize('hinted', [False, True])
def test_stages_in_threads_of_their_own_give_the_same_to_the_bit(network, settings, hinted):
    if hinted:
        network = tiny_network(motion_hint=True)
    plain, staged = tracker_of(network, **settings), tracker_of(network, **settings)
    for tracker in (plain, staged):
        tracker.add_objects([Prompt('a', box=BOX_A), Prompt('b', box=BOX_B)])
    prepared = look_ahead(staged.prepare(rgb) for rgb in FRAMES)
    outcomes = look_ahead(staged.advance(frame) for frame in prepared)
    for rgb, outcome in zip(FRAMES, outcomes, strict=True):
        expected, result = plain.track(rgb), outcome.render()
        assert result.frame_index == expected.frame_index
        assert (result.label_image == expected.label_image).all()
        for name, track, other in zip('ab', result.tracks, expected.tracks, strict=True):
            assert torch.equal(logits(result, name), logits(expected, name))
            assert (track.state, track.score) == (other.state, other.score)


def test_the_flow_is_that_to_the_frame_tracked_before_whatever_was_prepared():
    network = tiny_network(motion_hint=True)
    plain, ahead = tracker_of(network), tracker_of(network)
    for tracker in (plain, ahead):
        tracker.add_object('a', box=BOX_A)
    prepared = [ahead.prepare(rgb) for rgb in FRAMES[:6]]
    for number in (0, 2, 3, 5):  # frames 1 and 4 are dropped after they were prepared
        expected, result = plain.track(FRAMES[number]), ahead.track(prepared[number])
        assert torch.equal(logits(result, 'a'), logits(expected, 'a'))


def test_flow_that_was_expected_is_not_estimated_again(monkeypatch):
    network = tiny_network(motion_hint=True)
    estimated = []
    original = motion_module.backward_flow

    def counted(newer, older):
        estimated.append(1)
        return original(newer, older)

    monkeypatch.setattr(motion_module, 'backward_flow', counted)
    tracker = tracker_of(network)
    tracker.add_object('a', box=BOX_A)
    for rgb in FRAMES[:5]:
        tracker.track(tracker.prepare(rgb))
    assert len(estimated) == 4


def test_a_prepared_frame_is_checked_like_an_image(network):
    with pytest.raises(ValueError, match='uint8'):
        tracker_of(network).prepare(FRAMES[0].astype(float))
