# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The benchmark's own arithmetic: turns, ratios, stages and counts that are known by hand."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
import torch

from surgsam2_ros.benchmarks.measuring import (
    Timing,
    count,
    interleave,
    peak_gflops,
    ratio,
    stage_times,
)
from surgsam2_ros.network.convolution import Conv2d
from surgsam2_ros.network.linear import Linear


def test_steps_are_taken_in_turns_and_timed_each_by_itself():
    taken = []

    def step(name, seconds):
        def take():
            taken.append(name)
            time.sleep(seconds)

        return take

    timings = interleave({'a': step('a', 0.02), 'b': step('b', 0.0)}, 3)
    assert taken == ['a', 'b'] * 3
    assert len(timings['a'].wall_ms) == len(timings['b'].cpu_ms) == 3
    assert min(timings['a'].wall_ms) >= 20.0
    assert max(timings['a'].cpu_ms) < 20.0  # sleeping is no work


def test_a_ratio_is_the_median_over_neighbours():
    assert ratio([10.0, 40.0, 90.0], [10.0, 20.0, 10.0]) == 2.0


def test_counts_are_those_of_the_work_done():
    a, b = torch.ones(3, 5), torch.ones(5, 7)
    counted = count(lambda: (a @ b).sum().item())
    assert counted.gflop == pytest.approx(2 * 3 * 5 * 7 / 1e9)
    assert counted.operations == 3  # mm, sum, and the wait for the number
    assert counted.waits == 1


def test_convolutions_and_attention_are_counted():
    image, kernel = torch.ones(1, 4, 8, 8), torch.ones(6, 4, 3, 3)
    q = torch.ones(1, 2, 16, 32)

    def step():
        torch.nn.functional.conv2d(image, kernel, padding=1)
        torch.nn.functional.scaled_dot_product_attention(q, q, q)

    convolution = 2 * 8 * 8 * 6 * 4 * 9
    attention = 2 * (2 * 16 * 16 * 32 * 2)
    assert count(step).gflop == pytest.approx((convolution + attention) / 1e9)


def test_large_linear_layers_are_counted():
    rows, inputs, outputs = 2048, 64, 512
    layer = Linear(inputs, outputs)
    with torch.inference_mode():
        counted = count(lambda: layer(torch.ones(2, rows // 2, inputs)))
    assert counted.gflop == pytest.approx(2 * rows * inputs * outputs / 1e9)


def test_convolutions_of_onednn_are_counted():
    conv, x = Conv2d(4, 6, 3, padding=1), torch.ones(1, 4, 8, 8)
    depthwise, added = Conv2d(4, 4, 5, padding=2, groups=4), torch.ones(1, 4, 8, 8)

    def step():
        conv(x, relu6=True)
        depthwise(x, added=added)

    with torch.inference_mode():
        counted = count(step)
    assert counted.gflop == pytest.approx((2 * 64 * 6 * 4 * 9 + 2 * 64 * 4 * 25) / 1e9)


def test_stages_are_timed_within_the_block_alone():
    class Owner:
        def work(self, seconds):
            time.sleep(seconds)
            return seconds

    owner = Owner()
    with stage_times({'work': (owner, 'work')}) as timings:
        assert owner.work(0.01) == 0.01
        owner.work(0.0)
    owner.work(0.0)
    assert len(timings['work'].wall_ms) == 2
    assert timings['work'].wall_ms[0] >= 10.0
    assert 'work' not in vars(owner)


def test_a_function_of_the_object_itself_is_there_again_afterwards():
    """A compiled function stands before that of the class, and must not be lost by timing it."""

    class Owner:
        def work(self):
            return 'as it was written'

    owner = Owner()
    owner.work = lambda: 'compiled'
    with stage_times({'work': (owner, 'work')}) as timings:
        assert owner.work() == 'compiled'
    assert owner.work() == 'compiled'
    assert len(timings['work'].wall_ms) == 1


def test_the_99th_percentile_is_a_time_that_was_measured():
    timing = Timing(wall_ms=[float(n) for n in range(200, 0, -1)])
    assert timing.p99_ms == 198.0
    assert timing.median_ms == 100.5
    assert Timing(wall_ms=[3.0]).p99_ms == 3.0


def test_the_gpu_that_computes_is_waited_for_before_and_after_and_a_cpu_is_not(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'is_initialized', lambda: True)
    monkeypatch.setattr(torch.cuda, 'synchronize', waited.append)
    second = torch.device('cuda', 1)
    interleave({'a': lambda: waited.append('a')}, 1, second)
    assert waited == [second, 'a', second]
    interleave({'a': lambda: None}, 1, torch.device('cpu'))
    assert len(waited) == 3


def test_the_peak_is_the_work_of_a_product_over_its_time(monkeypatch):
    clock = SimpleNamespace(now=0.0)

    def tick():
        clock.now += 0.5
        return clock.now

    monkeypatch.setattr(time, 'perf_counter', tick)
    assert peak_gflops(torch.device('cpu'), size=100, rounds=2) == pytest.approx(2e6 / 0.5 / 1e9)
