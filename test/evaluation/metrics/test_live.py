# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Live measures of schedules worked out by hand, and of processes whose use is known."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time

import numpy as np
import pytest

from surgsam2_ros.evaluation.metrics.live import LIVE_MEASURES, live_scores
from surgsam2_ros.evaluation.metrics.process_usage import (
    ProcessUsage,
    UsageSampler,
    device_bytes,
    processor_seconds,
    resident_bytes,
    used_device_bytes,
)

MS = 1_000_000
# Ten images a second; the third got no result.
PUBLISHED = [0, 100 * MS, 200 * MS, 300 * MS, 400 * MS]
ARRIVED = [40 * MS, 130 * MS, None, 380 * MS, 450 * MS]  # 40, 30, -, 80 and 50 ms later


def test_every_measure_is_there_whether_it_can_be_told_or_not():
    assert tuple(live_scores(PUBLISHED, ARRIVED)) == LIVE_MEASURES
    assert tuple(live_scores([], [])) == LIVE_MEASURES


def test_latencies_are_from_publishing_an_image_to_the_arrival_of_its_result():
    scores = live_scores(PUBLISHED, ARRIVED)
    assert scores['FIRST_LATENCY'] == 40
    assert scores['MEAN_LATENCY'] == (40 + 30 + 80 + 50) / 4
    assert scores['MAX_LATENCY'] == 80
    assert scores['LATENCY_P50'] == (40 + 50) / 2
    # 30, 40, 50, 80: the 95th percentile lies 0.85 of the way from the third to the fourth.
    assert scores['LATENCY_P95'] == pytest.approx(50 + 0.85 * 30)
    assert scores['LATENCY_P99'] == pytest.approx(50 + 0.97 * 30)


def test_missed_frames_are_images_without_a_result():
    scores = live_scores(PUBLISHED, ARRIVED)
    assert (scores['NUM_FRAMES_SENT'], scores['NUM_MISSED_FRAMES']) == (5, 1)


def test_rates_count_the_intervals_between_images_and_between_results():
    scores = live_scores(PUBLISHED, ARRIVED)
    assert scores['MEAN_PLAYBACK_FRAME_RATE'] == pytest.approx(4 / 0.4)
    assert scores['MEAN_FRAME_RATE'] == pytest.approx(3 / 0.41)


def test_jitter_is_the_change_of_the_time_between_results():
    scores = live_scores(PUBLISHED, ARRIVED)
    # Results are 90, 250 and 70 ms apart, which changes by 160 and 180 ms.
    assert scores['MEAN_JITTER'] == (160 + 180) / 2
    assert scores['MAX_JITTER'] == 180


def test_a_steady_node_has_the_rate_of_its_camera_and_no_jitter():
    times = [index * 50 * MS for index in range(20)]
    scores = live_scores(times, [t + 30 * MS for t in times])
    assert scores['MEAN_FRAME_RATE'] == pytest.approx(20)
    assert scores['MEAN_JITTER'] == scores['MAX_JITTER'] == 0
    assert scores['MEAN_LATENCY'] == scores['LATENCY_P99'] == 30


def test_results_that_overtake_each_other_are_taken_in_the_order_of_their_arrival():
    scores = live_scores([0, 10 * MS, 20 * MS], [90 * MS, 50 * MS, 70 * MS])
    assert scores['MEAN_FRAME_RATE'] == pytest.approx(2 / 0.04)
    assert scores['FIRST_LATENCY'] == 90
    assert scores['MAX_JITTER'] == 0


@pytest.mark.parametrize(
    ('arrived', 'known'),
    [
        ([None, None, None], set()),
        ([5 * MS, None, None], {'FIRST_LATENCY', 'MEAN_LATENCY', 'MAX_LATENCY', 'LATENCY_P99'}),
        ([5 * MS, 15 * MS, None], {'FIRST_LATENCY', 'LATENCY_P99', 'MEAN_FRAME_RATE'}),
    ],
)
def test_what_too_few_results_cannot_tell_is_none(arrived, known):
    scores = live_scores([0, 10 * MS, 20 * MS], arrived)
    names = {'FIRST_LATENCY', 'MEAN_LATENCY', 'MAX_LATENCY', 'LATENCY_P99', 'MEAN_FRAME_RATE'}
    told = {name for name in names if scores[name] is not None}
    assert known <= told
    assert (not known) == (not told)
    assert scores['MAX_JITTER'] is None
    assert scores['NUM_MISSED_FRAMES'] == arrived.count(None)


def test_resources_are_those_of_the_process():
    usage = ProcessUsage(cpu_percent=150.0, resident_mb=700.0, device_mb=None)
    scores = live_scores(PUBLISHED, ARRIVED, usage=usage)
    assert (scores['CPU'], scores['RESIDENT_MEMORY'], scores['DEVICE_MEMORY']) == (150, 700, None)


def test_times_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match='2 times of publishing and 1 of arrival'):
        live_scores([0, 1], [1])
    with pytest.raises(ValueError, match='before its image'):
        live_scores([5 * MS], [4 * MS])


@pytest.fixture(name='start')
def _start():
    """Give a function that starts a Python program; it ends with the test."""
    running = []

    def start(program: str) -> subprocess.Popen:
        process = subprocess.Popen([sys.executable, '-c', program], stdout=subprocess.PIPE)
        running.append(process)
        process.stdout.readline()  # it says when it is ready
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()


def test_a_process_that_sleeps_uses_no_processor(start):
    sampler = UsageSampler(start('print(flush=True); import time; time.sleep(60)').pid)
    sampler.start()
    time.sleep(0.6)
    assert sampler.stop().cpu_percent < 5


def test_processor_time_is_that_of_the_process_itself():
    before = processor_seconds(os.getpid()), time.process_time()
    while time.process_time() - before[1] < 0.4:
        sum(range(1000))
    spent = processor_seconds(os.getpid()) - before[0]
    assert spent == pytest.approx(time.process_time() - before[1], abs=0.05)


def test_a_busy_process_uses_what_the_kernel_accounts_to_it(start):
    program = 'print(flush=True)\nwhile True: pass'
    process = start(program)
    sampler = UsageSampler(process.pid, period_s=0.05)
    began, before = time.monotonic(), processor_seconds(process.pid)
    sampler.start()
    time.sleep(1.0)
    used = sampler.stop().cpu_percent
    share = 100 * (processor_seconds(process.pid) - before) / (time.monotonic() - began)
    assert 0 < used <= 110
    assert used == pytest.approx(share, abs=10)


def test_resident_memory_is_the_largest_that_was_seen(start):
    process = start(
        'import sys, time\n'
        'block = bytearray(b"x" * 80_000_000)\n'
        'print(flush=True)\n'
        'time.sleep(1.0)\n'
        'del block\n'
        'time.sleep(60)'
    )
    sampler = UsageSampler(process.pid, period_s=0.05)
    sampler.start()
    time.sleep(2.0)
    largest = sampler.stop().resident_mb
    assert 80 < largest < 160
    assert resident_bytes(process.pid) / 1e6 < largest - 70


def test_a_process_that_ended_leaves_what_was_seen_of_it(start):
    process = start('print(flush=True); import time; time.sleep(60)')
    sampler = UsageSampler(process.pid, period_s=0.05)
    sampler.start()
    process.kill()
    process.wait()
    assert sampler.stop().resident_mb > 1
    gone = UsageSampler(process.pid)
    gone.start()
    assert gone.stop() == ProcessUsage()


@pytest.fixture(name='smi')
def _smi(tmp_path, monkeypatch):
    """Give a function that puts an nvidia-smi first in PATH, which knows processes and devices."""

    def install(processes: str, devices: str = '', status: int = 0) -> None:
        program = tmp_path / 'nvidia-smi'
        program.write_text(
            '#!/bin/sh\n'
            f"case $1 in *apps*) echo '{processes}' ;; *) echo '{devices}' ;; esac\n"
            f'exit {status}\n'
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv('PATH', f'{tmp_path}{os.pathsep}{os.environ["PATH"]}')

    return install


def test_device_memory_is_that_of_the_process_on_all_devices(smi):
    smi('17, 300\n4242, 512\n4242, 128')
    assert device_bytes(4242) == 640 * 2**20


@pytest.mark.parametrize(
    ('answer', 'status'), [('17, 300', 0), ('4242, [N/A]', 0), ('no driver', 9), ('', 0)]
)
def test_device_memory_that_nobody_tells_is_none(smi, answer, status):
    smi(answer, '[N/A]', status)
    assert device_bytes(4242) is None
    assert used_device_bytes() is None


@pytest.mark.parametrize(
    ('processes', 'on_device', 'expected'),
    [
        ('{own}, 100', True, 100),
        ('', True, 700 + 200 - 650),  # a container: what all use has grown
        ('{own}, 100', False, None),
    ],
)
def test_device_memory_is_sampled_where_a_device_is_used(smi, processes, on_device, expected):
    smi(processes.format(own=os.getpid()), '700\n200')
    sampler = UsageSampler(os.getpid(), on_device=on_device, device_before=650 * 2**20)
    sampler.start()
    used = sampler.stop().device_mb
    assert used == (None if expected is None else pytest.approx(expected * 2**20 / 1e6))


def test_measures_can_be_written_as_json():
    scores = live_scores(np.array(PUBLISHED).tolist(), ARRIVED)
    assert all(value is None or type(value) in (int, float) for value in scores.values())
