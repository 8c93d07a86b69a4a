# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What several cameras cost beside one: what is made of what was measured, and the run itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from repository import REPO

from surgsam2_ros.cli import main
from surgsam2_ros.live.cameras import _compared, describe_cameras


def test_ratios_are_those_of_rounds_lest_one_slow_moment_counts():
    compared = _compared([10.0, 10.0, 40.0], [15.0, 16.0, 60.0])
    assert compared['ratio'] == 1.5
    assert (compared['one'], compared['several']) == (10.0, 16.0)
    assert compared['rounds'] == [[10.0, 15.0], [10.0, 16.0], [40.0, 60.0]]


def test_a_table_tells_all_three_costs():
    row = _compared([10.0], [15.0])
    lines = describe_cameras(
        {'cameras': 2, 'wall_ms': row, 'cpu_ms': row, 'resident_mb': row}
    ).splitlines()
    assert lines[0].split() == ['one', 'camera', '2', 'cameras', 'ratio']
    assert [line.split()[-3:] for line in lines[1:]] == [['10.0', '15.0', '1.5']] * 3


@pytest.mark.parametrize(
    ('arguments', 'told'),
    [(['--cameras', '1'], '--cameras is 1'), (['--cameras', '2', '--rounds', '0'], '--rounds 0')],
)
def test_what_cannot_be_compared_is_refused(capsys, arguments, told):
    assert main(['bench', *arguments]) != 0
    assert told in capsys.readouterr().err


@pytest.mark.slow
def test_two_cameras_are_measured_beside_one(tmp_path: Path):
    pytest.importorskip('rclpy')
    output = tmp_path / 'cameras.json'
    model = REPO / 'models' / 'surgsam2_nano_320.yaml'
    arguments = ['--cameras', '2', '--rounds', '1', '--objects', '1', '--device', 'cpu']
    assert main(['bench', *arguments, '--models', str(model), '--json', str(output)]) == 0
    report = json.loads(output.read_text())
    assert all(report[key]['ratio'] > 1.0 for key in ('cpu_ms', 'resident_mb'))
    assert report['wall_ms']['one'] > 0
