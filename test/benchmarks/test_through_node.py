# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Statistics of the node under a camera: figures that were worked out by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from surgsam2_ros.benchmarks.through_node import (
    UsageSample,
    added_ms,
    count_drops,
    first_and_last,
    frame_rows,
    node_row,
    spread,
    usage,
)

MS = 1_000_000


def result(stamp_ms, *, published_ms=None, arrived_ms=0, latency=0.0, inference=0.0, dropped=0):
    return SimpleNamespace(
        stamp_ns=stamp_ms * MS,
        published_ns=None if published_ms is None else published_ms * MS,
        arrived_ns=arrived_ms * MS,
        latency_ms=latency,
        inference_ms=inference,
        dropped_since_last=dropped,
    )


def test_spread_interpolates_percentiles_and_calls_the_standard_deviation_jitter():
    assert spread([40.0, 10.0, 20.0, 30.0]) == {
        'mean': 25.0,
        'p50': 25.0,
        'p95': 38.5,  # 0.95 of the way through three intervals of 10
        'p99': 39.7,
        'max': 40.0,
        'jitter': 11.18,  # sqrt((15² + 5² + 5² + 15²) / 4)
    }


def test_spread_of_nothing_is_unknown():
    assert set(spread([]).values()) == {None}


def test_the_first_result_of_each_image_counts():
    first, second, foreign = result(10, arrived_ms=1), result(10, arrived_ms=2), result(99)
    assert frame_rows([10 * MS, 20 * MS], [first, second, foreign]) == [first, None]


def test_drops_that_the_node_tells_are_those_between_results():
    sent = [n * MS for n in range(1, 8)]
    results = [result(1), result(3, dropped=1), result(4), result(6, dropped=1)]
    assert count_drops(sent, 0, results) == {'frames_dropped': 2, 'drops_untold': 0}


def test_drops_before_the_measurement_are_left_out_of_its_first_result():
    sent = [n * MS for n in range(1, 8)]
    results = [result(1), result(6, dropped=4)]  # images 2 to 5, of which 4 and 5 are measured
    assert count_drops(sent, 3, results) == {'frames_dropped': 2, 'drops_untold': 0}


def test_drops_that_the_node_keeps_to_itself_are_told():
    sent = [n * MS for n in range(1, 8)]
    results = [result(1), result(5, dropped=1)]
    assert count_drops(sent, 1, results) == {'frames_dropped': 1, 'drops_untold': 2}


def test_a_result_that_comes_twice_is_no_drop():
    sent = [n * MS for n in range(1, 4)]
    results = [result(1), result(2), result(2), result(3)]
    assert count_drops(sent, 0, results) == {'frames_dropped': 0, 'drops_untold': 0}


def test_what_the_node_adds_ends_when_its_result_is_sent():
    assert added_ms(result(100, published_ms=130, latency=28.0, inference=20.0)) == 10.0
    assert added_ms(result(100, latency=28.0, inference=20.0)) == 8.0, 'as far as the node knows'


def test_first_and_last_are_of_whatever_image():
    sent = [0, 10 * MS, 20 * MS, 30 * MS]
    arrived = [None, 15 * MS, 27 * MS, 44 * MS]
    # Results come 12 and 17 ms apart; one change of 5 ms has no deviation.
    assert first_and_last(sent, arrived) == {
        'FIRST_SENT_RECEIVED_LATENCY': 15.0,
        'LAST_SENT_RECEIVED_LATENCY': 14.0,
        'MIN_LATENCY': 5.0,
        'STD_DEV_JITTER': 0.0,
    }


def test_first_and_last_of_nothing_are_unknown():
    assert set(first_and_last([0], [None]).values()) == {None}
    assert first_and_last([0], [MS])['STD_DEV_JITTER'] is None


def test_growth_is_the_slope_of_the_line_that_fits_best():
    samples = [
        UsageSample(100.0, 7.0, 200_000_000),
        UsageSample(110.0, 12.0, 203_000_000),
        UsageSample(120.0, 22.0, 200_000_000),
        UsageSample(130.0, 25.0, 203_000_000),
    ]
    # Clock -15, -5, 5, 15 s and MB -1.5, 1.5, -1.5, 1.5 about their means:
    # (22.5 - 7.5 - 7.5 + 22.5) / (225 + 25 + 25 + 225) = 0.06 MB/s.
    assert usage(samples) == {
        'cpu_cores': 0.6,
        'resident_mb_begin': 200.0,
        'resident_mb_end': 203.0,
        'resident_growth_mb_per_min': pytest.approx(3.6),
    }


def test_usage_of_a_process_seen_once_is_unknown():
    assert set(usage([UsageSample(0.0, 0.0, 1)]).values()) == {None}


def test_overhead_leaves_inference_and_the_transport_out():
    sent = {100 * MS: 0, 200 * MS: MS, 300 * MS: 3 * MS}
    results = [
        result(100, published_ms=999, arrived_ms=999),  # warm-up
        result(200, published_ms=230, arrived_ms=232, latency=29.0, inference=20.0),
        result(300, published_ms=334, arrived_ms=336, latency=33.0, inference=22.0),
    ]
    row = node_row(sent, 1, results, transport_ms=[2.0, 3.0, 9.0], samples=[])
    assert (row['frames_published'], row['frames_received']) == (2, 2)
    assert (row['latency_ms']['p50'], row['node_latency_ms']['p50']) == (34.0, 31.0)
    assert row['node_overhead_ms']['p50'] == 11.0  # 10 and 12
    assert (row['transport_ms']['p50'], row['overhead_ms']['p50']) == (3.0, 8.0)
    assert row['overhead_ms']['max'] == 9.0
    assert row['publish_late_ms']['max'] == 3.0
