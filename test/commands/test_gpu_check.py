# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 gpu-check`: a clear word without a GPU, and with --quick the whole of it on a CPU."""

from __future__ import annotations

import json
import os

import pytest
import torch

from surgsam2_ros.cli import main
from surgsam2_ros.commands import gpu_check
from surgsam2_ros.live.gpu_check import PARTS


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_without_a_gpu_it_says_so_in_a_line_and_by_its_status(tmp_path, capsys):
    output = tmp_path / 'gpu'
    assert main(['gpu-check', '--output', str(output)]) == os.EX_UNAVAILABLE
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert line.startswith('surgsam2: no GPU: ')
    assert printed.out == '' and not output.exists()


@pytest.mark.parametrize(
    ('arguments', 'complaint'),
    [
        (['--device', 'cpu'], '--device cpu must be cuda'),
        (['--minutes', '0'], '--minutes 0 must be above 0'),
        (['--checkpoint', '/nowhere.pt'], '/nowhere.pt does not exist'),
    ],
)
def test_impossible_arguments_are_refused(arguments, complaint, capsys):
    assert main(['gpu-check', *arguments]) == 1
    assert complaint in capsys.readouterr().err


def test_the_shares_of_the_parts_fill_eight_minutes():
    assert sum(part.seconds for part in PARTS) == 8 * 60
    assert [part.name for part in PARTS if part.rows is not None] == list(gpu_check._NAMES)


@pytest.mark.long
def test_on_a_cpu_every_part_runs_and_is_in_the_report(tmp_path, capsys):
    arguments = ['--device', 'cpu', '--quick', '--minutes', '30', '--output', str(tmp_path)]
    status = main(['gpu-check', *arguments])
    report = json.loads((tmp_path / 'report.json').read_text())
    parts = {part['name']: part for part in report['parts']}
    assert {name: part['status'] for name, part in parts.items()} == dict.fromkeys(
        gpu_check._NAMES, 'done'
    )
    capture = parts.pop('capture')
    wrong = [row for part in parts.values() for row in part['rows'] if row['passed'] is False]
    assert wrong == []
    assert status == (0 if capture['passed'] else 1)
    # Below Python 3.12 torch.compile cannot follow functools.cached_property into the trunk, and
    # what falls back is not passed; the masks are the same all the same.
    assert all(row['distance'] <= row['bound'] for row in capture['rows'])
    assert '| passed | fp32 beside our CPU in fp32 |' in (tmp_path / 'report.md').read_text()
    ways = [row['way'] for name in ('speed', 'speed_compiled') for row in parts[name]['rows']]
    assert ways[:2] == ['ours exact', 'ours fast'] and 'ours inductor' in ways
