# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A clip is a run of frames from anywhere in a video; some stride, run backwards or turn."""

from __future__ import annotations

import numpy as np
import pytest

from surgsam2_ros.training.sampling import Sampling, choose_frames, turn_where_objects_leave


def draws(count, frames, sampling, number=400):
    rng = np.random.default_rng(0)
    return np.stack([choose_frames(count, frames, sampling, rng) for _ in range(number)])


def test_by_default_clips_are_consecutive_frames_from_every_possible_start():
    clips = draws(12, 8, Sampling())
    assert (np.diff(clips, axis=1) == 1).all()
    starts, counts = np.unique(clips[:, 0], return_counts=True)
    assert starts.tolist() == [0, 1, 2, 3, 4]
    assert counts.min() > 50  # of 400, 80 expected


def test_an_image_comes_from_every_frame():
    assert set(draws(6, 1, Sampling(stride=3)).ravel()) == set(range(6))


def test_strides_are_equidistant_and_as_long_as_the_video_allows():
    clips = draws(10, 4, Sampling(stride=5))
    steps = np.diff(clips, axis=1)
    assert (steps == steps[:, :1]).all()
    assert set(steps.ravel()) == {1, 2, 3}  # 4 would need 13 frames
    assert clips.min() == 0
    assert clips.max() == 9
    # Half of the clips keep stride 1, a third of the others draw it.
    assert (steps[:, 0] == 1).mean() == pytest.approx(2 / 3, abs=0.08)


@pytest.mark.parametrize('share', [0.0, 0.3, 1.0])
def test_a_share_of_the_clips_runs_backwards(share):
    steps = np.diff(draws(12, 4, Sampling(reverse=share)), axis=1)
    assert set(np.abs(steps).ravel()) == {1}
    assert (steps[:, 0] == -1).mean() == pytest.approx(share, abs=0.08)


def test_a_video_may_be_exactly_as_long_as_the_clip_but_no_shorter():
    assert draws(8, 8, Sampling(stride=3)).tolist() == [list(range(8))] * 400
    with pytest.raises(ValueError, match='7 frames is too short for clips of 8'):
        choose_frames(7, 8, Sampling(), np.random.default_rng(0))


def test_a_clip_turns_round_at_the_first_frame_without_an_object():
    labels = np.zeros((6, 8, 8), np.uint8)
    labels[:2, :4] = 3
    assert turn_where_objects_leave(labels).tolist() == [0, 1, 2, 1, 0, 1]
    labels[:5, :4] = 3
    assert turn_where_objects_leave(labels).tolist() == [0, 1, 2, 3, 4, 5]


def test_a_clip_whose_objects_stay_does_not_turn():
    labels = np.full((4, 8, 8), 2, np.uint8)
    assert turn_where_objects_leave(labels).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('max_objects', 0),
        ('max_objects', 2.5),
        ('stride', 0),
        ('stride', True),
        ('repeat', 0),
        ('reverse', True),
        ('turn', 1.2),
        ('smallest_object', -0.1),
    ],
)
def test_an_impossible_value_is_named(field, value):
    with pytest.raises(ValueError, match=f'sampling {field} is {value!r}; expected'):
        Sampling(**{field: value})
