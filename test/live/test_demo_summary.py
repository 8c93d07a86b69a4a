# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Percentiles and the summary of a replay."""

from __future__ import annotations

import json

from evaluation_fixtures import an_object

from surgsam2_ros.evaluation.durations import percentiles
from surgsam2_ros.live.demo_summary import DemoObject, summarise_demo


def test_percentiles_of_known_durations():
    assert percentiles(range(101)) == {'p50': 50.0, 'p95': 95.0, 'p99': 99.0, 'max': 100.0}
    assert percentiles([]) == {'p50': None, 'p95': None, 'p99': None, 'max': None}


def test_the_summary_has_the_agreed_keys_and_means_over_objects():
    first = DemoObject('a', an_object([0.0, 0.5, 1.0]))  # the prompted frame does not count
    second = DemoObject('b', an_object([None, 0.9, 0.25]))
    first.states.update(['TRACKED', 'TRACKED'])
    summary = summarise_demo(
        model='nano',
        frames_in=3,
        frames_out=2,
        frames_dropped=1,
        rate_hz=15.0004,
        latencies_ms=[10.0, 20.0],
        inferences_ms=[5.0],
        objects=[first, second],
    )
    assert json.loads(json.dumps(summary)) == {
        'model': 'nano',
        'frames_in': 3,
        'frames_out': 2,
        'frames_dropped': 1,
        'rate_hz': 15.0,
        'latency_ms': {'p50': 15.0, 'p95': 19.5, 'p99': 19.9, 'max': 20.0},
        'inference_ms': {'p50': 5.0, 'p95': 5.0, 'p99': 5.0, 'max': 5.0},
        'objects': [
            {'object_id': 'a', 'mean_iou': 0.75, 'frames': 2, 'states': {'TRACKED': 2}},
            {'object_id': 'b', 'mean_iou': 0.25, 'frames': 1, 'states': {}},
        ],
        'mean_iou': 0.5,
    }


def test_a_summary_without_truth_has_no_overlap():
    record = DemoObject('a')
    record.states.update(['TRACKED'] * 4)
    assert record.summary() == {
        'object_id': 'a',
        'mean_iou': None,
        'frames': 4,
        'states': {'TRACKED': 4},
    }
