# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A few faults against a real node: it takes them, and a harness that is deceived notices."""

from __future__ import annotations

import os
import signal

import pytest

pytest.importorskip('rclpy')

from surgsam2_ros.live.chaos.checks import Mark, check, make_sound
from surgsam2_ros.live.chaos.fault import Fault
from surgsam2_ros.live.chaos.run import run_chaos, summary
from surgsam2_ros.live.chaos.stage import Stage
from surgsam2_ros.live.chaos.table import FAULTS

pytestmark = pytest.mark.slow

CALM = {'model.device': 'cpu', 'model.num_threads': 1}
SHORT = ('stamps zero', 'wrong step', 'frozen and thawed', 'kill -9')


@pytest.fixture(scope='module')
def stage(tmp_path_factory):
    folder = tmp_path_factory.mktemp('chaos')
    with Stage(folder, f'/chaos_{os.getpid()}', CALM) as stage:
        yield stage


def test_a_node_survives_a_few_faults(stage, monkeypatch):
    few = tuple(fault for fault in FAULTS if fault.name in SHORT)
    monkeypatch.setattr('surgsam2_ros.live.chaos.run.FAULTS', few)
    outcomes = run_chaos(stage, 1, first=0, count=len(SHORT))
    assert sorted(outcome.fault for outcome in outcomes) == sorted(SHORT)
    assert not [outcome.findings for outcome in outcomes if outcome.findings]
    report = summary(stage, 1, outcomes)
    assert report['process_starts'] == 2
    assert report['statuses_judged'] > 10


def test_a_node_that_died_unasked_is_found_and_started_anew(stage):
    make_sound(stage)
    before, since = stage.node.pid, Mark.of(stage)
    stage.node.send(signal.SIGSEGV)
    stage.node.wait_for_end(10.0)
    found = check(stage, Fault('harmless', lambda stage, rng: None), since)
    assert any(f'status -{signal.SIGSEGV.value}' in text for text in found)
    assert stage.node.pid != before


def test_objects_that_were_lost_unasked_are_found(stage):
    make_sound(stage)
    since = Mark.of(stage)
    stage.client.reset()
    found = check(stage, Fault('harmless', lambda stage, rng: None), since)
    assert len(found) == len(stage.promised)
    assert all('gone' in text for text in found)
