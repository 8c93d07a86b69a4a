# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The picture of a run shows each fault where it was, and what failed in a colour of its own."""

from __future__ import annotations

import numpy as np

from surgsam2_ros.live.chaos.run import Outcome
from surgsam2_ros.live.chaos.timeline import _FAILED, _KNOWN, draw_timeline

PASSED = Outcome(0, 'camera off', 0.0, 3.0, 5.0)
FAILED = Outcome(1, 'kill -9', 5.0, 6.0, 20.0, findings=('no result',))
BELOW_LEGEND = 60


def has(picture, colour):
    return (picture[BELOW_LEGEND:] == colour).all(axis=-1).any()


def test_a_failed_fault_stands_out():
    picture = draw_timeline([PASSED, FAILED], [1.0, 2.0, 8.0], 'a run')
    assert has(picture, _FAILED)
    assert not has(draw_timeline([PASSED], [1.0], 'a run'), _FAILED)


def test_a_known_limit_does_not_look_like_a_failure():
    known = Outcome(1, 'kill -9', 5.0, 6.0, 20.0, findings=('no result',), known='being worked on')
    picture = draw_timeline([PASSED, known], [1.0], 'a run')
    assert has(picture, _KNOWN) and not has(picture, _FAILED)


def test_a_fault_that_comes_twice_has_one_line():
    once = draw_timeline([PASSED, FAILED], [], 'a run')
    twice = draw_timeline([PASSED, FAILED, Outcome(2, 'camera off', 20, 23, 25)], [], 'a run')
    assert once.shape == twice.shape
    assert not np.array_equal(once, twice)
