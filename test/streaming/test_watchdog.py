# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The watchdog by a clock that the test turns: what hangs, what is only slow, what came back."""

from __future__ import annotations

import pytest

from surgsam2_ros.streaming.watchdog import Watchdog, Work, WorkLog, allowed_s

LIMIT_S = 5.0


class Watched:
    """A thread's work, a watchdog on it, and what that said."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.work: Work | None = None
        self.hangs: list[str] = []
        self.recoveries: list[str] = []
        self.dog = Watchdog(
            lambda: self.work,
            lambda work: allowed_s(work, LIMIT_S, 0.0),
            on_hang=self.hangs.append,
            on_recovery=self.recoveries.append,
            clock=lambda: self.now_s,
        )

    def pass_time(self, seconds: float, step_s: float = 0.25) -> None:
        for _ in range(round(seconds / step_s)):
            self.now_s += step_s
            self.dog.check()


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_work_that_does_not_end_is_told_once_with_its_name_and_since_when(watched):
    watched.work = Work('the image of stamp 12.0')
    watched.pass_time(4.5)
    assert watched.hangs == []
    assert watched.dog.hang == ''
    watched.pass_time(60)
    (text,) = watched.hangs
    assert text.startswith('the image of stamp 12.0 has been in work for 5 s')
    assert watched.dog.hang.startswith('the image of stamp 12.0 has been in work for 64 s')


def test_many_short_pieces_of_work_do_not_add_up(watched):
    for number in range(20):
        watched.work = Work(f'image {number}')
        watched.pass_time(1)
    assert watched.hangs == []


def test_idleness_is_no_hang(watched):
    watched.pass_time(3600, step_s=1.0)
    assert watched.hangs == []


@pytest.mark.parametrize('then', [None, Work('the next image')])
def test_work_that_ends_after_all_is_told(watched, then):
    watched.work = Work('the image of stamp 12.0')
    watched.pass_time(10)
    watched.work = then
    watched.pass_time(1)
    (text,) = watched.recoveries
    assert text.startswith('the image of stamp 12.0 came to an end after 1')
    assert watched.dog.hang == ''


def test_a_process_that_was_stopped_for_an_hour_has_not_hung(watched):
    watched.work = Work('the image of stamp 12.0')
    watched.pass_time(1)
    watched.pass_time(3600, step_s=3600)
    watched.pass_time(1)
    assert watched.hangs == []


def test_large_networks_and_replays_are_given_the_time_they_need():
    assert allowed_s(Work('an image'), LIMIT_S, 0.1) == LIMIT_S
    assert allowed_s(Work('an image'), LIMIT_S, 3.0) >= 12.0
    assert allowed_s(Work('an image', frames=31), LIMIT_S, 0.5) >= 31 * 0.5 * 2


def test_what_may_be_compiled_is_given_more_time():
    log = WorkLog()

    def limit_s(objects: int) -> float:
        log.begin_frame('an image', frames=1, objects=objects)
        limit = allowed_s(log.current, LIMIT_S, log.frame_s)
        log.end_frame(0.1, objects=objects)
        return limit

    assert [limit_s(number) >= 10 * LIMIT_S for number in (0, 0, 1, 1, 2, 1, 2)] == [
        *(True, False, True, False, True, False, False)
    ]
