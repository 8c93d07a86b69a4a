# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tests of the log that holds back repeated problems."""

from __future__ import annotations

from surgsam2_ros.nodes.tracker.health.problem_log import PERIOD_S, ProblemLog


def test_repeated_problems_are_held_back_and_counted_by_kind():
    now, written = [100.0], []
    log = ProblemLog(written.append, clock=lambda: now[0])
    for number in range(4):
        log.add('image', f'bad image {number}')
    log.add('prompts', 'bad prompt')
    assert written == ['bad image 0', 'bad prompt']
    now[0] += PERIOD_S
    log.add('image', 'bad image 4')
    assert written[-1] == 'bad image 4 (3 more like it since)'
    now[0] += PERIOD_S
    log.add('image', 'bad image 5')
    assert written[-1] == 'bad image 5'
