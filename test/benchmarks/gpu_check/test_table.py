# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The table: what failed is seen, what was cut is said, goals are judged by what was timed."""

from __future__ import annotations

from surgsam2_ros.benchmarks.gpu_check.table import goals, markdown, verdict


def timed(objects, ms, size=512, way='ours exact'):
    return {
        'what': way,
        'passed': None,
        'way': way,
        'model': 'sam2.1_hiera_s',
        'size': size,
        'objects': objects,
        'precision': 'bf16',
        'ms': ms,
        'p99_ms': 2 * ms,
        'times_exact': 1.0,
        'fell_back': [],
    }


def part(name, *rows, status='done', passed=True):
    return {
        'name': name,
        'title': name.title(),
        'command': f'surgsam2 gpu-check --part {name}',
        'status': status,
        'said': 'cut after 9 s' if status == 'cut' else '',
        'rows': list(rows),
        'passed': passed,
    }


def report(*parts):
    return {'model': 'sam2.1_hiera_s', 'parts': list(parts)}


def test_every_number_has_its_command():
    text = markdown(report(part('speed', timed(1, 4.0))))
    assert '| sam2.1_hiera_s | 512 | 1 | ours exact, bf16 | 4.00 | 8.00 | 1.00 |  |' in text
    assert '    surgsam2 gpu-check --part speed' in text


def test_what_failed_and_what_was_cut_is_named():
    row = {'what': 'fp32', 'passed': False, 'distance': 0.5, 'bound': 0.001, 'fell_back': ['a|b']}
    absent = {'what': 'beside sam2', 'passed': None, 'not_run': 'not installed'}
    made = report(part('parity', row, absent, passed=False), part('speed', status='cut'))
    assert '| not run | beside sam2 | not installed |' in markdown(made)
    assert '| FAILED | fp32 | distance 0.5, bound 0.001, fell back: a/b |' in markdown(made)
    assert verdict(made) == 'FAILED: Parity. Cut for want of time: Speed. Not run: beside sam2'


def test_goals_are_those_of_the_cells_that_were_timed():
    rows = timed(1, 4.0), timed(8, 6.0), timed(1, 20.0, size=1024), timed(1, 1.0, way='ours fast')
    assert goals(report(part('speed', *rows))) == [
        '- 512 px: 250 frames/s, goal 200',
        '- 1024 px: 50 frames/s, goal 100',
        '- 8 objects: 1.50 times the time of 1, goal 1.3',
        '',
    ]
    assert goals(report(part('speed'))) == []
