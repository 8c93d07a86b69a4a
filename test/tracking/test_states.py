# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The states that an object goes through while it is seen, hidden and found again."""

import pytest

from surgsam2_ros.tracking import TrackState
from surgsam2_ros.tracking.states import (
    FRAME_NS,
    LONGEST_STEP_NS,
    RECOVERY_MARGIN,
    SUDDEN_DROP,
    FrameTime,
    Lifecycle,
    MaskQuality,
)

TENTATIVE, TRACKED, OCCLUDED, LOST, UNCERTAIN = TrackState
MS = 1_000_000


def states(sight, tentative_frames=3, lost_after_s=0.4, elapsed_ns=100 * MS):
    """Return the state after each frame: 1 seen, ? seen with a poor mask, 0 not seen."""
    lifecycle = Lifecycle(tentative_frames, lost_after_s)
    return [lifecycle.update(frame != '0', frame == '?', elapsed_ns) for frame in sight]


def unseen(*stamps_ns, lost_after_s=1.0):
    """Return the states of an object that is seen in the first of these frames alone."""
    lifecycle, time = Lifecycle(1, lost_after_s), FrameTime()
    return [
        lifecycle.update(index == 0, elapsed_ns=time.step(stamp_ns))
        for index, stamp_ns in enumerate(stamps_ns)
    ]


def verdicts(*scores, min_quality=0.75, frames=3):
    """Return after each of these scores whether the mask is poor."""
    quality = MaskQuality(min_quality, frames)
    return [quality.update(score) for score in scores]


def test_a_new_object_is_tentative_until_it_was_seen_often_enough():
    assert states('1111') == [TENTATIVE, TENTATIVE, TRACKED, TRACKED]


def test_an_object_out_of_sight_is_occluded_and_then_lost():
    assert states('1110000')[3:] == [OCCLUDED, OCCLUDED, OCCLUDED, LOST]


@pytest.mark.parametrize(('rate_hz', 'frames'), [(60, 60), (25, 25), (4, 4), (2, 2)])
def test_an_object_is_lost_after_as_many_seconds_whatever_the_rate(rate_hz, frames):
    stamps_ns = [10**18 + round(index * 1e9 / rate_hz) for index in range(frames + 1)]
    assert unseen(*stamps_ns) == [TRACKED, *[OCCLUDED] * (frames - 1), LOST]


def test_without_stamps_thirty_frames_are_a_second():
    assert unseen(*[None] * 31) == [TRACKED, *[OCCLUDED] * 29, LOST]


def test_each_sight_ends_the_time_without_it():
    assert states('1000100011')[1:9] == [OCCLUDED] * 3 + [TENTATIVE] + [OCCLUDED] * 3 + [TRACKED]


def test_a_gap_of_an_hour_between_images_loses_no_object():
    hour_ns = 3600 * 10**9
    assert unseen(1, 1 + hour_ns) == [TRACKED, OCCLUDED]
    assert unseen(1, 1 + hour_ns, 1 + hour_ns + LONGEST_STEP_NS)[-1] == LOST


def test_stamps_that_go_back_or_stand_still_lose_no_object():
    assert unseen(10**18, *[10**18 - n * 10**9 for n in range(60)])[1:] == [OCCLUDED] * 60


def test_an_image_after_one_without_a_stamp_counts_as_one_frame():
    time = FrameTime()
    stamps_ns = [5 * MS, None, 400 * MS, 450 * MS]
    assert [time.step(s) for s in stamps_ns] == [FRAME_NS, FRAME_NS, FRAME_NS, 50 * MS]


def test_a_confirmed_object_is_tracked_again_as_soon_as_it_is_seen():
    assert states('111001')[-1] == TRACKED


def test_a_lost_object_must_be_confirmed_again():
    assert states('1110000111')[-3:] == [TENTATIVE, TENTATIVE, TRACKED]


def test_an_object_hidden_while_tentative_stays_tentative_when_it_returns():
    assert states('101') == [TENTATIVE, OCCLUDED, TENTATIVE]


def test_frames_since_seen_counts_frames_without_sight():
    lifecycle = Lifecycle(3, 1.0)
    counts = []
    for seen in (True, False, False, True):
        lifecycle.update(seen)
        counts.append(lifecycle.frames_since_seen)
    assert counts == [0, 1, 2, 0]


def test_the_values_are_those_of_the_track_message():
    assert [state.value for state in (TENTATIVE, TRACKED, OCCLUDED, LOST)] == [0, 1, 2, 3]
    assert UNCERTAIN.value == 4


def test_an_object_seen_with_a_poor_mask_is_uncertain():
    assert states('111??1')[2:] == [TRACKED, UNCERTAIN, UNCERTAIN, TRACKED]


def test_a_new_object_with_a_poor_mask_is_uncertain_and_confirmed_all_the_same():
    assert states('1??1') == [TENTATIVE, UNCERTAIN, UNCERTAIN, TRACKED]


def test_an_object_out_of_sight_is_occluded_whatever_its_mask_was_like():
    lifecycle = Lifecycle(1, 2 * FRAME_NS / 1e9)
    assert [lifecycle.update(False, poor=True) for _ in range(2)] == [OCCLUDED, LOST]


def test_a_mask_turns_poor_when_the_mean_of_the_newest_scores_falls_below_the_limit():
    assert verdicts(0.9, 0.9, 0.9, 0.7, 0.7, 0.7) == [False] * 4 + [False, True]
    assert verdicts(0.7) == [True], 'of a new object there is no more than that'


def test_one_moderately_bad_frame_among_good_ones_is_borne():
    assert not any(verdicts(0.9, 0.9, 0.65, 0.9, 0.9))


def test_one_very_bad_frame_is_poor_at_once():
    bad = 0.75 - SUDDEN_DROP - 0.01
    assert verdicts(1.0, 1.0, bad)[-1], f'the mean is {(2 + bad) / 3:.2f}'


def test_becoming_good_again_takes_a_mean_above_the_limit_and_its_margin():
    between = 0.75 + RECOVERY_MARGIN / 2
    assert verdicts(0.6, *[between] * 9) == [True] * 10
    assert verdicts(*[between] * 9) == [False] * 9, 'a good one stays good there'
    assert not verdicts(0.6, *[0.751 + RECOVERY_MARGIN] * 3)[-1]


def test_becoming_good_again_takes_longer_the_worse_it_was():
    assert verdicts(0.7, 0.7, 0.7, 0.95, 0.95)[-2:] == [False, False]
    assert verdicts(0.4, 0.4, 0.4, 0.95, 0.95, 0.95)[-3:] == [True, True, False]


def test_the_mean_is_over_as_many_frames_as_asked_for():
    assert verdicts(0.9, 0.7, frames=1) == [False, True]
    assert not any(verdicts(*[0.9] * 9, 0.7, 0.7, 0.7, frames=9))


def test_without_a_limit_no_mask_is_poor():
    assert not any(verdicts(0.0, -0.5, 0.3, min_quality=0.0))


@pytest.mark.parametrize('limit', [0.99, 1.0])
def test_even_the_strictest_limit_lets_perfect_masks_recover(limit):
    assert verdicts(0.5, 1.0, 1.0, 1.0, min_quality=limit) == [True, True, True, False]


def test_scores_beyond_one_do_not_make_up_for_bad_ones():
    assert verdicts(1.5, 1.5, 0.2, frames=3, min_quality=0.74) == [False, False, True]
    assert verdicts(1.5, 0.61, frames=2, min_quality=0.75)[-1] is False
    assert verdicts(1.5, 0.61, 0.61, frames=3, min_quality=0.75)[-1] is True
