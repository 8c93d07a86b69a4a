# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What states and predicted overlaps are worth, counted by hand on a few frames."""

from __future__ import annotations

import dataclasses

import pytest
from evaluation_fixtures import an_object

from surgsam2_ros.evaluation.promise import (
    MOST_BROKEN,
    ObjectFrame,
    choose_threshold,
    judge,
    object_frames,
    promise,
    reliability,
    replay,
    sweep,
)
from surgsam2_ros.tracking import TrackerConfig

SETTINGS = dataclasses.asdict(TrackerConfig(tentative_frames=1, quality_frames=1))


def frame(score, iou, state='TRACKED', *, presence=0.9, seen=True, visible=True, overlap=0.0):
    return ObjectFrame(score, presence, seen, state, iou, visible, overlap)


def test_a_promise_is_broken_below_a_half_and_kept_on_good_frames_that_are_tracked():
    track = [
        frame(0.9, 0.9),
        frame(0.9, 0.49),
        frame(0.9, 0.5),
        frame(0.9, 0.75, 'UNCERTAIN'),
        frame(0.3, 0.2, 'UNCERTAIN'),
    ]
    assert promise([track]) == {
        'frames': 5,
        'tracked': 3,
        'broken': 1,
        'broken_share': pytest.approx(1 / 3),
        'good': 2,
        'kept': 1,
        'kept_share': 0.5,
    }


def test_a_frame_in_which_the_object_is_rightly_away_is_no_good_mask():
    away = frame(0.1, 1.0, 'OCCLUDED', seen=False, visible=False)
    counted = promise([[away]])
    assert (counted['frames'], counted['good'], counted['kept_share']) == (1, 0, None)


def test_a_mask_that_another_object_claims_is_replayed_as_uncertain():
    track = [frame(0.9, 0.9), frame(0.9, 0.1, overlap=0.6), frame(0.9, 0.9, overlap=0.5)]
    states = [one.state for one in replay(track, {**SETTINGS, 'max_overlap': 0.5})]
    assert states == ['TRACKED', 'UNCERTAIN', 'TRACKED']
    assert {one.state for one in replay(track, SETTINGS)} == {'TRACKED'}, 'off by default'


def test_a_mask_where_the_object_is_away_breaks_the_promise():
    assert promise([[frame(0.9, 0.0, visible=False)]])['broken'] == 1


def test_frames_count_after_the_prompted_one_and_with_a_truth():
    record = an_object([1.0, 0.9, None, 0.8])
    record.state = ['TENTATIVE'] + ['TRACKED'] * 3
    record.area = [9] * 4
    record.score = record.presence = [0.9] * 4
    frames = object_frames(record)
    assert [f.iou for f in frames] == [None, 0.9, None, 0.8]
    assert promise([frames])['frames'] == 2


def test_frames_that_were_dropped_are_left_out():
    record = an_object([1.0, None, 0.8])
    record.score = record.presence = [0.9, None, 0.9]
    assert [f.iou for f in object_frames(record)] == [None, 0.8]


def test_an_object_that_was_never_prompted_has_no_frames():
    assert object_frames(dataclasses.replace(an_object([0.5]), first_frame=None)) == []


def test_states_are_replayed_as_the_tracker_would_have_given_them():
    track = [frame(0.9, 0.9), frame(0.6, 0.4), frame(0.9, 0.9), frame(0.2, 0.0, seen=False)]
    states = [f.state for f in replay(track, {**SETTINGS, 'min_quality': 0.7})]
    assert states == ['TRACKED', 'UNCERTAIN', 'TRACKED', 'OCCLUDED']


def test_settings_that_a_run_did_not_record_are_the_defaults():
    states = [f.state for f in replay([frame(0.9, 0.9)] * 3, {})]
    assert states == ['TENTATIVE', 'TENTATIVE', 'TRACKED']


def test_the_lowest_threshold_that_breaks_few_enough_promises_is_chosen():
    track = [frame(0.9, 0.9), frame(0.55, 0.3), frame(0.95, 0.8), frame(0.65, 0.7)] * 2
    swept = sweep([track], SETTINGS, (0.0, 0.5, 0.6, 0.8))
    assert [entry['broken'] for entry in swept] == [2, 2, 0, 0]
    assert [entry['kept'] for entry in swept] == [4, 4, 4, 4]
    assert choose_threshold(swept)['min_quality'] == 0.6
    assert choose_threshold(swept, 0.25)['min_quality'] == 0.0


def test_a_threshold_under_which_nothing_is_tracked_keeps_no_promise():
    swept = sweep([[frame(0.6, 0.1)] * 3], SETTINGS, (0.5, 0.9))
    assert [entry['broken_share'] for entry in swept] == [1.0, None]
    assert choose_threshold(swept) is None


def test_reliability_bins_the_frames_by_their_predicted_overlap():
    track = [frame(0.62, 0.5), frame(0.68, 0.7), frame(0.95, 0.85), frame(1.0, 0.95)]
    found = reliability([track])
    assert [(entry['low'], entry['frames']) for entry in found['bins']] == [(0.6, 2), (0.9, 2)]
    assert [entry['predicted'] for entry in found['bins']] == pytest.approx([0.65, 0.975])
    assert [entry['true'] for entry in found['bins']] == pytest.approx([0.6, 0.9])
    assert found['calibration_error'] == pytest.approx(0.5 * 0.05 + 0.5 * 0.075)
    assert (found['predicted'], found['true']) == pytest.approx((0.8125, 0.75))
    assert found['correlation'] == pytest.approx(0.948, abs=0.001)


def test_reliability_leaves_out_frames_without_a_mask():
    assert reliability([[frame(0.9, 1.0, 'OCCLUDED', seen=False)]])['frames'] == 0


def test_nothing_is_known_without_frames():
    judged = judge([], SETTINGS)
    assert judged['choice'] is None and judged['at_most_broken'] == MOST_BROKEN
    assert judged['broken_share'] is None and judged['reliability']['bins'] == []
    assert judged['reliability']['correlation'] is None


def test_a_judgement_shows_the_sweep_in_coarse_steps():
    swept = judge([[frame(0.9, 0.9)]], SETTINGS)['sweep']
    thresholds = [entry['min_quality'] for entry in swept]
    assert thresholds[:3] == [0.0, 0.3, 0.35] and thresholds[-1] == 0.95


def test_records_made_while_lost_was_counted_in_frames_are_replayed_as_they_were():
    settings = {name: value for name, value in SETTINGS.items() if name != 'lost_after_s'}
    settings['lost_after_frames'] = 7
    track = [frame(0.9, 0.9), *[frame(0.1, None, seen=False, presence=0.1)] * 7]
    states = [one.state for one in replay(track, settings)]
    assert states == ['TRACKED', *['OCCLUDED'] * 6, 'LOST']
