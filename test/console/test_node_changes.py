# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What operators are told when a node changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from surgsam2_ros.console.node_changes import changes
from surgsam2_ros.nodes.client.node_watch import NodeReport
from surgsam2_ros.nodes.client.results import NodeState

FIRST, SECOND = frozenset([b'1']), frozenset([b'2'])
WELL = NodeReport(is_there=True, process=FIRST, lifecycle=NodeState.ACTIVE)
SLOW = ('the overlay is left out: 600 ms', 'the label image is left out: 600 ms')


@pytest.mark.parametrize(
    ('before', 'after', 'word', 'is_problem'),
    [
        (NodeReport(), WELL, 'is there', False),
        (WELL, replace(WELL, is_there=False), 'is gone', True),
        (replace(WELL, is_there=False), WELL, 'is back', False),
        (WELL, replace(WELL, process=SECOND), 'was started anew', True),
        (WELL, replace(WELL, lifecycle=NodeState.INACTIVE), 'is now inactive', True),
        (replace(WELL, lifecycle=NodeState.INACTIVE), WELL, 'is now active', False),
        (WELL, replace(WELL, enabled=False), 'was paused', True),
        (replace(WELL, enabled=False), WELL, 'goes on', False),
        (WELL, replace(WELL, degraded=SLOW[:1]), 'cannot keep up: the overlay', True),
        (replace(WELL, degraded=SLOW), WELL, 'keeps up again', False),
        (WELL, replace(WELL, level=2, diagnosis='no image for 3 s'), 'no image for 3 s', True),
        (replace(WELL, level=2), WELL, 'is well again', False),
    ],
)
def test_a_change_is_told_in_one_sentence(before, after, word, is_problem):
    (sentence,) = changes('/left', before, after)
    text, attention = sentence
    assert text.startswith('/left')
    assert word in text
    assert attention == is_problem


@pytest.mark.parametrize(
    'after',
    [
        replace(WELL, rate_hz=3.0, latency_ms=5.0, message='tracking 2 objects'),
        replace(WELL, level=1, diagnosis='UNCERTAIN: a'),
    ],
)
def test_figures_and_warnings_are_no_news(after):
    assert changes('/left', WELL, after) == []


def test_the_figures_within_a_sentence_do_not_make_it_new():
    before = replace(WELL, degraded=SLOW[:1])
    assert (
        changes('/left', before, replace(WELL, degraded=('the overlay is left out: 700 ms',))) == []
    )
