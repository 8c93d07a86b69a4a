# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Presence as detection, and how soon an object that returned is followed again."""

from __future__ import annotations

import numpy as np
import pytest
import random_masks  # noqa: F401  the settings of Hypothesis
from hypothesis import given
from hypothesis import strategies as st

from surgsam2_ros.evaluation.metrics import presence_scores

T, F = True, False


def test_precision_recall_and_accuracy():
    scores = presence_scores([T, T, T, F, F], [T, T, F, T, F], [1.0, 0.2, 0.0, 0.0, 1.0])
    assert scores['precision'] == pytest.approx(2 / 3)
    assert scores['recall'] == pytest.approx(2 / 3)
    assert scores['accuracy'] == pytest.approx(3 / 5)


def test_frames_without_truth_or_result_do_not_count():
    scores = presence_scores([T, None, T, F], [T, T, None, F], [0.9, None, None, 1.0])
    assert (scores['precision'], scores['recall'], scores['accuracy']) == (1.0, 1.0, 1.0)


def test_shares_of_nothing_are_none():
    scores = presence_scores([F, F], [F, F], [1.0, 1.0])
    assert (scores['precision'], scores['recall'], scores['accuracy']) == (None, None, 1.0)
    assert presence_scores([], [], [])['accuracy'] is None


def test_a_return_is_taken_up_in_the_first_frame_with_half_overlap():
    truth = [T, F, F, T, T, T, F, T, T]
    predicted = [T, F, F, F, T, T, F, T, T]
    overlaps = [1.0, 1.0, 1.0, 0.0, 0.4, 0.5, 1.0, 0.9, 0.9]
    scores = presence_scores(truth, predicted, overlaps)
    assert (scores['returns'], scores['taken_up']) == (2, 2)
    assert scores['frames_until_taken_up'] == pytest.approx((2 + 0) / 2)


def test_a_return_that_is_never_followed_is_not_taken_up():
    scores = presence_scores([T, F, T, T], [T, F, F, T], [1.0, 1.0, 0.0, 0.3])
    assert (scores['returns'], scores['taken_up']) == (1, 0)
    assert scores['frames_until_taken_up'] is None


def test_taking_up_after_it_left_again_is_too_late():
    truth = [T, F, T, F, T]
    scores = presence_scores(truth, [T, F, F, F, T], [1.0, 1.0, 0.0, 1.0, 1.0])
    assert (scores['returns'], scores['taken_up']) == (2, 1)


def test_the_first_appearance_is_no_return():
    assert presence_scores([F, F, T, T], [F, F, T, T], [1.0] * 4)['returns'] == 0


def test_a_gap_in_the_truth_is_no_absence():
    assert presence_scores([T, None, T], [T, T, T], [1.0, None, 1.0])['returns'] == 0
    assert presence_scores([T, F, None, T], [T, F, F, T], [1.0, 1.0, None, 1.0])['returns'] == 1


def test_an_object_has_returned_once_a_thousandth_of_the_picture_shows_it():
    shares = [0.1, 0.0, 0.0005, 0.0009, 0.001, 0.1]
    scores = presence_scores(shares, [T, F, F, F, F, T], [1.0, 1.0, 0.0, 0.0, 0.0, 0.6])
    assert (scores['returns'], scores['frames_until_taken_up']) == (1, 1.0)
    assert scores['recall'] == pytest.approx(2 / 5)  # its rim is visible all the same


def test_a_rim_that_stays_is_no_absence():
    assert presence_scores([0.1, 0.0005, 0.1], [T, T, T], [1.0, 1.0, 1.0])['returns'] == 0


def test_the_slowest_return_is_told_beside_the_mean():
    truth = [T, F, T, T, T, F, T]
    overlaps = [1.0, 1.0, 0.0, 0.0, 0.9, 1.0, 0.9]
    scores = presence_scores(truth, truth, overlaps)
    assert scores['frames_until_taken_up'] == pytest.approx((2 + 0) / 2)
    assert scores['most_frames_until_taken_up'] == 2


def test_a_dropped_frame_delays():
    scores = presence_scores([T, F, T, T], [T, F, None, T], [1.0, 1.0, None, 0.8])
    assert scores['frames_until_taken_up'] == 1.0


def test_arrays_are_taken_too():
    scores = presence_scores(np.array([T, F, T]), np.array([T, F, T]), np.array([1.0, 1.0, 1.0]))
    assert (scores['returns'], scores['taken_up'], scores['accuracy']) == (1, 1, 1.0)


def test_lengths_must_agree():
    with pytest.raises(ValueError, match='2 true and 1 predicted'):
        presence_scores([T, T], [T], [1.0])


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from([0.2, 0.7]))))
def test_returns_are_the_runs_of_visible_frames_after_the_first(frames):
    truth, predicted, overlaps = zip(*frames, strict=True) if frames else ((), (), ())
    scores = presence_scores(truth, predicted, overlaps)
    starts = [i for i, shown in enumerate(truth) if shown and (i == 0 or not truth[i - 1])]
    delays = []
    for start in starts[1:]:
        run = next((i for i in range(start, len(truth)) if not truth[i]), len(truth))
        on = [i - start for i in range(start, run) if predicted[i] and overlaps[i] >= 0.5]
        delays.append(on[0] if on else None)
    taken_up = [delay for delay in delays if delay is not None]
    assert scores['returns'] == len(delays)
    assert scores['taken_up'] == len(taken_up)
    assert scores['frames_until_taken_up'] == (
        pytest.approx(sum(taken_up) / len(taken_up)) if taken_up else None
    )
