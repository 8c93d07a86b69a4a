# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Long work beside the page."""

import os
import threading

import pytest

from surgsam2_ros.console.desk import DeskError
from surgsam2_ros.console.label.background import Background


def test_it_leaves_the_cores_to_others(monkeypatch):
    monkeypatch.setattr('surgsam2_ros.console.label.background.NICE', 5)
    here = os.getpriority(os.PRIO_PROCESS, 0)
    seen = []

    def work(stop, report):
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    background = Background(lambda title, failure: None)
    background.start('work', 1, work)
    assert background.wait(30)
    assert seen[0] >= 5
    assert os.getpriority(os.PRIO_PROCESS, 0) == here


def test_one_work_at_a_time_which_can_be_stopped():
    ended = []

    def work(stop, report):
        report(3)
        stop.wait(60)

    background = Background(lambda title, failure: ended.append((title, failure)))
    background.start('first', 5, work)
    with pytest.raises(DeskError, match='first goes on; stop it first'):
        background.start('second', 5, work)
    background.stop()
    assert background.wait(30)
    assert ended == [('first', None)]
    assert (background.progress.done, background.progress.running) == (3, False)


def test_what_work_raises_is_handed_on():
    ended = []

    def work(stop, report):
        raise ValueError('no')

    background = Background(lambda title, failure: ended.append(str(failure)))
    background.start('work', 1, work)
    assert background.wait(30)
    assert ended == ['no']
    background.start('again', 1, lambda stop, report: None)
    assert background.wait(30)
