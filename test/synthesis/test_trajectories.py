# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Trajectories keep to their keys, amplitudes and times of absence."""

from __future__ import annotations

import numpy as np
import pytest

from surgsam2_ros.synthesis.trajectories import minimum_jerk, wander, withdrawal


def test_minimum_jerk_passes_its_keys_and_holds_at_the_ends():
    path = minimum_jerk(20, [2, 7, 12], [1.0, 3.0, -1.0])
    assert path[[2, 7, 12]].tolist() == [1.0, 3.0, -1.0]
    assert (path[:2] == 1.0).all()
    assert (path[13:] == -1.0).all()


def test_minimum_jerk_is_at_rest_at_its_keys_and_fastest_halfway():
    path = minimum_jerk(101, [0, 100], [0.0, 1.0])
    speed = np.diff(path)
    assert speed[0] < 1e-4
    assert speed[-1] < 1e-4
    assert np.isclose(speed.max() * 100, 1.875, atol=0.01)  # the known peak, 15/8 of the mean
    assert np.isclose(path[50], 0.5)


def test_minimum_jerk_of_one_key_stays_there():
    assert (minimum_jerk(4, [1], [2.5]) == 2.5).all()


@pytest.mark.parametrize(('times', 'values'), [([0, 1], [0.0]), ([1, 1], [0.0, 1.0]), ([], [])])
def test_minimum_jerk_refuses_keys_that_make_no_path(times, values):
    with pytest.raises(ValueError, match='time'):
        minimum_jerk(5, times, values)


def test_withdrawal_is_complete_between_its_ends_and_none_beyond_the_ramps():
    gone = withdrawal(40, start=15, stop=20, ramp=5)
    assert (gone[15:21] == 1).all()
    assert (gone[:11] == 0).all()
    assert (gone[25:] == 0).all()
    assert (np.diff(gone[10:16]) > 0).all()


def test_wander_stays_near_its_amplitude_and_is_smooth():
    rng = np.random.default_rng(0)
    for _ in range(50):
        path = wander(rng, 200, 10.0)
        assert np.abs(path).max() < 30
        assert np.abs(np.diff(path)).max() < 6


def test_wander_without_amplitude_stands_still():
    assert not wander(np.random.default_rng(0), 10, 0).any()
