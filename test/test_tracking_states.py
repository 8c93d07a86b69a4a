# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The states that an object goes through while it is seen, hidden and found again."""

from surgsam2_ros.tracking import TrackState
from surgsam2_ros.tracking.states import Lifecycle

TENTATIVE, TRACKED, OCCLUDED, LOST = TrackState


def states(sight, tentative_frames=3, lost_after_frames=4):
    lifecycle = Lifecycle(tentative_frames, lost_after_frames)
    return [lifecycle.update(seen == '1') for seen in sight]


def test_a_new_object_is_tentative_until_it_was_seen_often_enough():
    assert states('1111') == [TENTATIVE, TENTATIVE, TRACKED, TRACKED]


def test_an_object_out_of_sight_is_occluded_and_then_lost():
    assert states('1110000')[3:] == [OCCLUDED, OCCLUDED, OCCLUDED, LOST]


def test_a_confirmed_object_is_tracked_again_as_soon_as_it_is_seen():
    assert states('111001')[-1] == TRACKED


def test_a_lost_object_must_be_confirmed_again():
    assert states('1110000111')[-3:] == [TENTATIVE, TENTATIVE, TRACKED]


def test_an_object_hidden_while_tentative_stays_tentative_when_it_returns():
    assert states('101') == [TENTATIVE, OCCLUDED, TENTATIVE]


def test_frames_since_seen_counts_frames_without_sight():
    lifecycle = Lifecycle(3, 30)
    counts = []
    for seen in (True, False, False, True):
        lifecycle.update(seen)
        counts.append(lifecycle.frames_since_seen)
    assert counts == [0, 1, 2, 0]


def test_the_values_are_those_of_the_track_message():
    assert [state.value for state in (TENTATIVE, TRACKED, OCCLUDED, LOST)] == [0, 1, 2, 3]
