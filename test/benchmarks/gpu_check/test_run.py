# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Parts in processes of their own: a crash, a hang or a silence costs no row that was there."""

from __future__ import annotations

import json
import sys
import time

import psutil
import pytest

from surgsam2_ros.benchmarks.gpu_check.run import Part, run_parts, write_whole

ROW = {'what': 'a', 'passed': True}
GENEROUS_S = 120.0


def part(name, seconds=GENEROUS_S, *, proves=True, built=True):
    return Part(name, name.title(), seconds, proves, (lambda settings: iter(())) if built else None)


def run(programs, parts=None, most_seconds=None):
    """Run parts, each a program of Python; return the reports and how many rows were told."""
    parts = parts or [part(name) for name in programs]
    told = []
    reports = run_parts(
        parts,
        lambda one: [sys.executable, '-c', programs[one.name]],
        most_seconds=most_seconds or sum(one.seconds for one in parts),
        on_change=lambda reports: told.append(sum(len(report.rows) for report in reports)),
        shown=lambda one: f'surgsam2 gpu-check --part {one.name}',
    )
    return reports, told


def printing(*rows, then=''):
    lines = [f'print({json.dumps(row)!r}, flush=True)' for row in rows]
    return '\n'.join(['import os, sys, time', *lines, then])


def runs(pid):
    """Whether there is such a process; one that waits for its parent to take notice is none."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_rows_are_told_as_they_come():
    (report,), told = run({'parity': printing(ROW, ROW)})
    assert report.rows == [ROW, ROW]
    assert (report.status, report.passed) == ('done', True)
    assert told == [1, 2, 2]
    assert report.command == 'surgsam2 gpu-check --part parity'


@pytest.mark.parametrize('end', ['os.kill(os.getpid(), 11)', 'raise RuntimeError("CUDA is lost")'])
def test_a_part_that_crashes_keeps_its_rows_and_leaves_the_next_one_alone(end):
    (first, second), _ = run({'a': printing(ROW, then=end), 'b': printing(ROW)})
    assert (first.status, first.passed, first.rows) == ('failed', False, [ROW])
    assert 'CUDA is lost' in first.said or 'status -11' in first.said
    assert (second.status, second.rows) == ('done', [ROW])


def test_a_part_that_hangs_is_cut_and_says_so(tmp_path):
    """Also one that does not end when it is told to, and what it had started."""
    mark = tmp_path / 'pid'
    stubborn = (
        'import signal, subprocess\n'
        'signal.signal(signal.SIGTERM, signal.SIG_IGN)\n'
        'child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])\n'
        f'open({str(mark)!r}, "w").write(str(child.pid))\n'
        f'print({json.dumps(ROW)!r}, flush=True)\n'
        'time.sleep(600)'
    )
    begin = time.monotonic()
    parts = [part('a', seconds=5.0), part('b', proves=False)]
    (cut, after), _ = run({'a': printing(then=stubborn), 'b': printing()}, parts)
    assert time.monotonic() - begin < 120
    assert (cut.status, cut.passed, cut.rows) == ('cut', False, [ROW])
    assert 'cut after' in cut.said and '1 rows' in cut.said
    assert after.status == 'done'
    assert not runs(int(mark.read_text()))


def test_a_cut_measurement_is_no_failure():
    parts = [part('speed', seconds=3.0, proves=False)]
    (report,), _ = run({'speed': 'import time; time.sleep(600)'}, parts)
    assert (report.status, report.passed) == ('cut', True)


def test_shares_are_scaled_to_the_time_there_is():
    parts = [part('a', seconds=1000.0), part('b', seconds=1000.0)]
    hang = 'import time; time.sleep(600)'
    begin = time.monotonic()
    reports, _ = run({'a': hang, 'b': hang}, parts, most_seconds=4.0)
    assert [report.status for report in reports] == ['cut', 'cut']
    assert time.monotonic() - begin < 60


def test_time_that_is_left_over_goes_to_the_next_part():
    parts = [part('a', seconds=60.0), part('b', seconds=0.001)]
    (_, second), _ = run({'a': printing(), 'b': printing(ROW)}, parts)
    assert (second.status, second.rows) == ('done', [ROW])


def test_a_wrong_row_fails_its_part_and_an_unjudged_one_does_not():
    rows = [{'what': 'a', 'passed': False}], [{'what': 'b', 'passed': None}]
    (wrong, unjudged), _ = run({'a': printing(*rows[0]), 'b': printing(*rows[1])})
    assert (wrong.passed, unjudged.passed) == (False, True)


def test_what_is_not_built_is_named_and_costs_nothing():
    (report,), _ = run(
        {},
        [
            part('cameras', built=False),
        ],
    )
    assert (report.status, report.rows, report.passed) == ('not built', [], True)


def test_a_report_is_replaced_whole(tmp_path):
    path = tmp_path / 'new' / 'report.json'
    write_whole(path, {'a': 1})
    write_whole(path, {'a': 2})
    assert json.loads(path.read_text()) == {'a': 2}
    assert [entry.name for entry in path.parent.iterdir()] == ['report.json']
