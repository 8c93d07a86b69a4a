# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A plan is the same for the same seed, from any place in it, and leaves no fault out."""

from __future__ import annotations

from itertools import islice

from surgsam2_ros.live.chaos.plan import plan
from surgsam2_ros.live.chaos.run import planned_faults
from surgsam2_ros.live.chaos.table import FAULTS


def test_a_seed_gives_the_same_faults_with_the_same_random_numbers():
    first, again = (list(planned_faults(5, 0, 100)) for _ in range(2))
    assert [item.item.name for item in first] == [item.item.name for item in again]
    assert [p.random().integers(1000) for p in first] == [p.random().integers(1000) for p in again]


def test_a_fault_is_repeated_alone_by_seed_and_index():
    whole = list(planned_faults(5, 0, 60))
    (alone,) = planned_faults(5, 37, 1)
    assert alone == whole[37]
    assert alone.random().integers(1000) == whole[37].random().integers(1000)


def test_another_seed_gives_another_order():
    assert [p.item for p in planned_faults(1, 0, 40)] != [p.item for p in planned_faults(2, 0, 40)]


def test_each_fault_comes_once_before_any_comes_again():
    assert sorted(p.item for p in islice(plan('abcde', 3), 5)) == list('abcde')
    assert sorted(p.item for p in islice(plan('abcde', 3), 5, 10)) == list('abcde')


def test_no_two_faults_have_the_same_name():
    names = [fault.name for fault in FAULTS]
    assert len(names) == len(set(names))


def test_faults_in_one_plan_draw_different_numbers():
    drawn = {planned.random().integers(10**9) for planned in planned_faults(5, 0, 50)}
    assert len(drawn) == 50
