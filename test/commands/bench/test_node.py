# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 bench --through node` with a real node: all figures, and clear words when it fails."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import psutil
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('torch')

from surgsam2_ros.cli import main

# Small and slow, so that a busy machine keeps up.
CALM = ['--sizes', '128', '--objects', '1', '--image-sizes', '640x512', '--camera-rate', '10']
TIMEOUT_S = 240.0


@pytest.fixture(name='start_bench')
def _start_bench(start_process, tmp_path):
    """Give a function that starts the command."""

    def start(*arguments):
        command = [sys.executable, '-m', 'surgsam2_ros.cli', 'bench', '--through', 'node']
        env = {'OMP_NUM_THREADS': '1', 'TMPDIR': str(tmp_path)}
        return start_process([*command, *CALM, *arguments], name='bench', env=env)

    return start


def children(bench) -> list[psutil.Process]:
    """Find the processes that a benchmark has started and that still run."""
    return [
        process for process in psutil.process_iter() if f'/bench_{bench.pid}_' in command(process)
    ]


def command(process: psutil.Process) -> str:
    try:
        return ' '.join(process.cmdline())
    except psutil.Error:
        return ''


def test_a_row_tells_how_the_node_keeps_up_with_a_camera(start_bench, tmp_path):
    out = tmp_path / 'new' / 'bench.json'
    parameters = ('--profile', 'fast', '--param', 'output.contours:=true')
    bench = start_bench('--duration', '3', '--previews', *parameters, '--json', str(out))
    assert bench.wait(TIMEOUT_S) == 0, bench.output
    assert '| surgsam2_nano_320 | 1 | 640x512 | 10.0 |' in bench.output
    assert not children(bench)
    report = json.loads(out.read_text())
    (row,) = report['rows_through_node']
    assert (row['model'], row['weights'], row['size']) == ('surgsam2_nano_320', 'trained', 128)
    assert row['parameters'] == {
        'output.contours': True,
        'model.backend': 'torch',
        'model.profile': 'fast',
        'model.compile': 'off',
    }

    assert row['frames_published'] == row['NUM_FRAMES_SENT'] == 30
    missed = row['NUM_MISSED_FRAMES']
    assert row['frames_received'] == 30 - missed
    assert 0 <= missed - row['frames_dropped'] - row['drops_untold'] <= 3  # after the last result
    assert row['MEAN_PLAYBACK_FRAME_RATE'] == pytest.approx(10.0, abs=0.01)
    assert 0 < row['MEAN_FRAME_RATE'] < 11

    latency, inference = row['latency_ms'], row['inference_ms']
    assert 0 < inference['p50'] < row['node_latency_ms']['p50'] < latency['p50']
    assert latency['p50'] <= latency['p95'] <= latency['p99'] <= latency['max']
    assert latency['mean'] == pytest.approx(row['MEAN_LATENCY'], abs=0.01)
    assert row['MIN_LATENCY'] <= latency['p50'] <= row['MAX_LATENCY']
    assert row['transport_ms']['p50'] > 0
    assert row['overhead_ms']['p50'] == pytest.approx(
        row['node_overhead_ms']['p50'] - row['transport_ms']['p50'], abs=0.01
    )
    assert 0 < row['cpu_cores'] < os.cpu_count()
    assert row['resident_mb_begin'] > 50
    assert row['resident_growth_mb_per_min'] is not None
    assert 1 <= row['previews'] <= 4, 'one a second'
    assert 0 < row['preview_ms']['p50'] < 5000


@pytest.mark.slow
def test_a_node_that_cannot_be_configured_says_why(start_bench, tmp_path):
    out = tmp_path / 'bench.json'
    bench = start_bench('--param', 'model.device:=cuda:7', '--json', str(out))
    assert bench.wait(TIMEOUT_S) == 1
    report = json.loads(out.read_text())
    assert (report['rows_through_node'], len(report['failed'])) == ([], 1)
    assert 'did not configure' in bench.output
    assert 'cuda:7' in bench.output.rpartition('node.log')[2]
    assert not children(bench)


@pytest.mark.slow
def test_a_node_that_dies_ends_the_measurement(start_bench):
    bench = start_bench('--duration', '60')
    deadline = time.monotonic() + 60.0
    while not (nodes := [node for node in children(bench) if 'nodes.tracker' in command(node)]):
        assert time.monotonic() < deadline, bench.output
        time.sleep(0.1)
    for node in nodes:
        node.kill()
    assert bench.wait(TIMEOUT_S) == 1
    assert 'the node ended with status -9' in bench.output
    assert not children(bench)


@pytest.mark.slow
def test_a_node_that_gives_no_results_is_not_waited_for_for_ever(start_bench):
    bench = start_bench('--param', 'input.max_age_ms:=0.001')
    assert bench.wait(TIMEOUT_S) == 1
    assert 'no result came on' in bench.output
    assert 'input.max_age_ms' in bench.output, 'the log of the node says why'
    assert not children(bench)


@pytest.mark.slow
def test_an_interruption_leaves_nothing_behind(start_bench, tmp_path):
    bench = start_bench('--duration', '60')
    deadline = time.monotonic() + 60.0
    while not any('nodes.tracker' in command(pid) for pid in children(bench)):
        assert time.monotonic() < deadline, bench.output
        time.sleep(0.1)
    os.kill(bench.pid, signal.SIGTERM)
    assert bench.wait(TIMEOUT_S) == 130
    assert not children(bench)
    assert not list(tmp_path.glob('surgsam2_bench_*'))


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['--camera-rate', '0'], '--camera-rate 0.0 must be above 0'),
        (['--duration', '-1'], '--duration -1.0 must be above 0'),
        (['--objects', '0'], '--objects 0 must be at least 1'),
        (['--viewers', '0', '-1'], '--viewers -1 must be at least 0'),
        (['--sizes', '100'], 'image_size 100 must be a positive multiple of 32'),
        (['--against', 'sam2'], 'neither --plot nor --against'),
        (['--param', 'model.num_threads'], 'no assignment; write NAME:=VALUE'),
        (['--param', 'model.num_thread:=1'], 'perhaps model.num_threads'),
        (['--param', 'model.num_threads:=-1'], 'in the range 0 to 1024'),
        (['--param', 'input.transport:=compressed'], 'raw images are sent'),
    ],
)
def test_impossible_cases_are_named_before_anything_starts(arguments, words, capsys):
    assert main(['bench', '--through', 'node', *arguments]) == 1
    assert words in capsys.readouterr().err


def test_an_image_size_needs_a_width_and_a_height(capsys):
    with pytest.raises(SystemExit):
        main(['bench', '--through', 'node', '--image-sizes', '640'])
    assert "'640' is no image size; write WxH" in capsys.readouterr().err
