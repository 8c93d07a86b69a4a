# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 bench`: rows as promised, and clear words where it cannot measure."""

from __future__ import annotations

import json

import pytest

from surgsam2_ros.cli import main
from surgsam2_ros.commands.command_line import command_line
from surgsam2_ros.network import load_config
from surgsam2_ros.share import share_file

NANO_SIZE = load_config(share_file('models/surgsam2_nano_320.yaml')).image_size
DOCUMENTED = {
    'model',
    'size',
    'objects',
    'against',
    'cpu_ratio',
    'wall_ratio',
    'ops',
    'ops_against',
    'gflop',
    'max_logit_difference',
}


def bench(*arguments, capsys):
    status = main(['bench', '--rounds', '2', *arguments])
    return status, capsys.readouterr()


def test_a_row_has_times_counts_and_stages(tmp_path, capsys):
    out = tmp_path / 'new' / 'bench.json'
    plot = tmp_path / 'pictures' / 'bench.png'
    arguments = ['--objects', '1', '2', '--json', str(out), '--plot', str(plot)]
    status, printed = bench(*arguments, '--growth-frames', '3', capsys=capsys)
    assert status == 0
    report = json.loads(out.read_text())
    one, two = report['rows']
    assert (one['model'], one['size'], one['objects']) == ('surgsam2_nano_320', NANO_SIZE, 1)
    assert one['weights'] == 'trained'
    assert one['against'] is None
    assert two['gflop'] > one['gflop'] > 0.5
    assert 0 < one['ops'] <= two['ops'] <= 1.2 * one['ops']  # objects share the operations
    stages = one['stages_cpu_ms']
    assert list(stages) == ['encoder', 'memory attention', 'decoder', 'memory encoder', 'rest']
    assert min(stages.values()) > 0
    assert one['peak_memory_mb'] > 1
    assert abs(one['memory_growth_mb']) < 5  # the bank is bounded
    assert report['peak_gflop_per_s'] > 0
    assert plot.stat().st_size > 1000
    assert printed.out.count(f'| surgsam2_nano_320 | {NANO_SIZE} |') == 2


@pytest.mark.slow
def test_the_documented_call_keeps_its_fields(tmp_path, capsys):
    pytest.importorskip('sam2')
    out = tmp_path / 'bench.json'
    arguments = ['--models', 'sam2.1_hiera_t', '--sizes', '64', '--objects', '1']
    status, _ = bench(*arguments, '--against', 'sam2', '--json', str(out), capsys=capsys)
    assert status == 0
    report = json.loads(out.read_text())
    (row,) = report['rows']
    assert row.keys() >= DOCUMENTED
    assert (row['against'], row['same_weights']) == ('sam2', True)
    assert row['max_logit_difference'] <= 1e-5
    assert row['ops'] < row['ops_against']
    assert report['versions']['sam2']


@pytest.mark.slow
def test_rows_with_and_without_pruning_on_both_sides(tmp_path, capsys):
    pytest.importorskip('sam2')
    out = tmp_path / 'bench.json'
    arguments = ['--models', 'sam2.1_hiera_t', '--sizes', '128', '--objects', '1']
    arguments += ['--prune', '0', '2']
    status, printed = bench(*arguments, '--against', 'surgsam2', '--json', str(out), capsys=capsys)
    assert status == 0
    without, with_it = json.loads(out.read_text())['rows']
    assert [(row['pruned'], row['pruned_against']) for row in (without, with_it)] == [
        (0, 0),
        (2, 2),
    ]
    for side in ('gflop', 'gflop_against'):
        assert with_it[side] < without[side]
    assert with_it['max_logit_difference'] <= 1e-5
    assert '| its pruned |' in printed.out


def test_a_contender_without_such_a_network_is_an_error_of_its_row_alone(capsys):
    pytest.importorskip('sam2')
    status, printed = bench('--objects', '1', '--against', 'sam2', capsys=capsys)
    assert status == 1
    assert 'the official code has no network like surgsam2_nano_320' in printed.err


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['--objects', '0'], '--objects 0 must be at least 1'),
        (['--prune', '2', '-1'], '--prune -1 must be at least 0'),
        (['--threads', '0'], '--threads 0 must be at least 1'),
        (['--growth-frames', '-1'], '--growth-frames -1 must be at least 0'),
        (['--plot', 'bench.jpg'], '--plot bench.jpg must be a PNG'),
        (['--models', 'sam3'], "there is no model 'sam3'"),
        (['--sizes', '100'], 'image_size 100 must be a positive multiple of 32'),
    ],
)
def test_impossible_cases_are_named(arguments, words, capsys):
    status, printed = bench(*arguments, capsys=capsys)
    assert status == 1
    assert words in printed.err


@pytest.mark.slow
def test_the_official_predictor_gets_the_same_weights_and_images(tmp_path, capsys):
    pytest.importorskip('sam2')
    out = tmp_path / 'bench.json'
    arguments = ['--models', 'sam2.1_hiera_t', '--sizes', '256', '--objects', '2']
    status, _ = bench(*arguments, '--against', 'sam2', '--json', str(out), capsys=capsys)
    assert status == 0
    (row,) = json.loads(out.read_text())['rows']
    assert row['max_logit_difference'] <= 1e-5
    assert row['ops'] < row['ops_against']
    assert row['gflop'] < row['gflop_against']
    assert row['wall_ratio'] > 0
    assert row['cpu_ratio'] > 0


def test_the_command_tells_what_kept_the_libraries_to_an_older_processor(monkeypatch):
    monkeypatch.setattr('sys.argv', ['surgsam2', 'bench', '--sizes', '512'])
    for name in ('ATEN_CPU_CAPABILITY', 'MKL_ENABLE_INSTRUCTIONS'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('ONEDNN_MAX_CPU_ISA', 'AVX2')
    assert command_line() == 'ONEDNN_MAX_CPU_ISA=AVX2 surgsam2 bench --sizes 512'
    monkeypatch.delenv('ONEDNN_MAX_CPU_ISA')
    assert command_line() == 'surgsam2 bench --sizes 512'
