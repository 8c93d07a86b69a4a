# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The picture of a run shows each fault where it was, and what failed in a colour of its own."""

from __future__ import annotations

from matplotlib.colors import same_color

from surgsam2_ros.live.chaos import timeline
from surgsam2_ros.live.chaos.run import Outcome
from surgsam2_ros.live.chaos.timeline import draw_timeline

PASSED = Outcome(0, 'camera off', 0.0, 3.0, 5.0)
FAILED = Outcome(1, 'kill -9', 5.0, 6.0, 20.0, findings=('no result',))


def bars(*outcomes):
    """Give the colours of the two parts of every bar."""
    faults = draw_timeline(outcomes, [1.0, 2.0, 8.0], 'a run').axes[0]
    return [bar.get_facecolor() for bar in faults.collections]


def test_a_failed_fault_stands_out():
    passed, failed = bars(PASSED, FAILED)
    assert same_color(passed[1], timeline.CHECK) and same_color(failed[1], timeline.FAILED)


def test_a_known_limit_does_not_look_like_a_failure():
    known = Outcome(1, 'kill -9', 5.0, 6.0, 20.0, findings=('no result',), known='being worked on')
    _, shown = bars(PASSED, known)
    assert same_color(shown[1], timeline.KNOWN)


def test_a_fault_that_comes_twice_has_one_line():
    again = Outcome(2, 'camera off', 20, 23, 25)
    faults, _ = draw_timeline([PASSED, FAILED, again], [], 'a run').axes
    assert [label.get_text() for label in faults.get_yticklabels()] == ['camera off', 'kill -9']
    assert len(faults.collections) == 3


def test_results_are_counted_by_the_second():
    _, rate = draw_timeline([PASSED], [1.0, 2.0, 2.5], 'a run').axes
    assert list(rate.patches[0].get_data().values) == [0, 1, 2, 0, 0, 0]
