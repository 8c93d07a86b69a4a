# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What has to become of the objects, and which shortcomings are known."""

from __future__ import annotations

from surgsam2_ros.live.chaos.expectations import KNOWN_LIMITS, SNAPSHOT_PARAMETER
from surgsam2_ros.live.chaos.fault import Fault, Objects
from surgsam2_ros.live.chaos.run import Outcome
from surgsam2_ros.live.chaos.table import FAULTS

KILL = Fault('kill', lambda stage, rng: None, Objects.RESTORED, restarts=True)
RESET = Fault('reset', lambda stage, rng: None, Objects.FORGOTTEN)


def test_a_killed_node_has_to_restore_objects_only_when_it_keeps_a_snapshot():
    assert KILL.objects_after({}) is Objects.FORGOTTEN
    assert KILL.objects_after({SNAPSHOT_PARAMETER: ''}) is Objects.RESTORED


def test_a_snapshot_does_not_bring_back_what_was_to_be_forgotten():
    assert RESET.objects_after({SNAPSHOT_PARAMETER: ''}) is Objects.FORGOTTEN


def test_known_limits_are_those_of_faults_that_there_are():
    assert set(KNOWN_LIMITS) <= {fault.name for fault in FAULTS}


def test_findings_fail_a_run_unless_they_are_known():
    found = {'findings': ('the process ended',)}
    assert Outcome(0, 'a', 0, 1, 2, **found).failed
    assert not Outcome(0, 'a', 0, 1, 2, **found, known='being worked on').failed
    assert not Outcome(0, 'a', 0, 1, 2).failed
