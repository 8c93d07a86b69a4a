# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The commands `chaos` and `soak` as far as they run without a node."""

from __future__ import annotations

import pytest

from surgsam2_ros.cli import main
from surgsam2_ros.live.chaos.run import planned_faults


def test_the_plan_is_printed_with_what_repeats_each_fault(capsys):
    assert main(['chaos', '--list', '--seed', '3', '--first', '5', '--count', '2']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=1) for line in lines] == [
        [str(planned.index), planned.item.name] for planned in planned_faults(3, 5, 2)
    ]


def test_six_faults_a_minute_are_planned(capsys):
    main(['chaos', '--list', '--minutes', '10'])
    assert len(capsys.readouterr().out.splitlines()) == 60


@pytest.mark.parametrize(
    'arguments',
    [
        ['chaos', '--minutes', '0'],
        ['chaos', '--first', '-1'],
        ['chaos', '--count', '0'],
        ['soak', '--minutes', '-1'],
        ['soak', '--rate', '0'],
        ['soak', '--tracker-frames', '10'],
    ],
    ids=' '.join,
)
def test_impossible_numbers_are_refused_by_name(arguments, capsys, monkeypatch):
    monkeypatch.setattr('surgsam2_ros.live.chaos.stage.Stage', None)  # no node is started
    assert main(arguments) == 1
    assert arguments[1] in capsys.readouterr().err
