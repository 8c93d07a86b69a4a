# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Scores of one object over a clip."""

from __future__ import annotations

import numpy as np
import pytest

from surgsam2_ros.evaluation.clip_scores import returns, score_clip


def picture(*boxes: tuple[int, int]) -> np.ndarray:
    """Return a label image 40x100 with a box 20x20 per (value, left edge)."""
    labels = np.zeros((40, 100), np.uint8)
    for value, left in boxes:
        labels[10:30, left : left + 20] = value
    return labels


def test_the_prompted_frame_does_not_count():
    truth = [picture((1, 10)), picture((1, 10)), picture((1, 10))]
    wrong_first = [picture((1, 60)), *truth[1:]]
    score = score_clip(wrong_first, truth, 1)
    assert (score.overlap, score.boundary, score.presence, score.swapped) == (1.0, 1.0, 1.0, 0)


def test_overlap_is_the_mean_over_the_frames():
    truth = [picture((1, 10))] * 3
    shifted = [truth[0], picture((1, 10)), picture((1, 20))]  # half of the box: 200 / 600
    assert score_clip(shifted, truth, 1).overlap == pytest.approx((1 + 1 / 3) / 2)


def test_presence_is_right_when_mask_and_object_are_both_there_or_both_not():
    truth = [picture((1, 10)), picture((1, 10)), picture(), picture(), picture((1, 10))]
    tracked = [truth[0], picture((1, 60)), picture((1, 60)), picture(), picture()]
    assert score_clip(tracked, truth, 1).presence == pytest.approx(2 / 4)


def test_a_track_on_another_object_is_counted_as_swapped():
    truth = [picture((1, 10), (2, 60))] * 4
    tracked = [truth[0], picture((1, 60)), picture((1, 10)), picture((1, 65))]
    assert score_clip(tracked, truth, 1).swapped == 2  # 300 / 500 of the other in the last frame


def test_returns_count_the_frames_until_the_track_is_on_the_object_again():
    areas = [0.1, 0.0, 0.1, 0.1, 0.0, 0.1, 0.0, 0.1, 0.1]
    overlaps = [1.0, 1.0, 0.2, 0.9, 0.0, 0.3, 1.0, 0.8, 0.1]
    assert returns(areas, overlaps) == (1, None, 0)


def test_an_object_has_returned_once_a_thousandth_of_the_picture_shows_it():
    assert returns([0.1, 0.0, 0.0005, 0.0009, 0.001], [1, 0, 0, 0, 0.6]) == (0,)


def test_an_object_that_never_leaves_has_no_returns():
    assert returns([0.1, 0.1], [1.0, 0.0]) == ()


def test_clips_of_different_length_are_refused():
    with pytest.raises(ValueError, match='1 predicted and 2 true'):
        score_clip([picture()], [picture()] * 2, 1)
