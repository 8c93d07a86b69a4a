# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tables and picture of a report."""

from __future__ import annotations

import cv2
import pytest

from surgsam2_ros.benchmarks.charts import bars_of, draw_chart, write_chart
from surgsam2_ros.benchmarks.tables import markdown_table
from surgsam2_ros.benchmarks.through_node_table import node_table

STAGES = {'encoder': 50.0, 'memory attention': 25.0, 'decoder': 10.0, 'memory encoder': 10.0}
STAGES['rest'] = 5.0


def row(against=None, objects=1, **changes):
    made = {
        'model': 'nano',
        'weights': 'random',
        'size': 256,
        'objects': objects,
        'against': against,
        'wall_ms': 50.0,
        'cpu_ms': 98.0,
        'gflop_per_s': 80.0,
        'stages_cpu_ms': STAGES,
        'peak_memory_mb': 31.4,
        'memory_growth_mb': None,
    }
    if against is not None:
        made |= {
            'wall_ms_against': 100.0,
            'stages_cpu_ms_against': STAGES,
            'peak_memory_mb_against': 62.0,
            'memory_growth_mb_against': None,
            'wall_ratio': 2.0,
            'cpu_ratio': 1.91,
        }
    return {**made, **changes}


def report(*rows, growth_frames=0):
    return {
        'command': 'surgsam2 bench --models nano',
        'threads': 1,
        'growth_frames': growth_frames,
        'peak_gflop_per_s': 123.4,
        'hardware': {'processor': 'Abacus', 'cores': 2, 'memory_gb': 1.0, 'gpu': None},
        'versions': {'torch': '2.0', 'rclpy': '9.1', 'sam2': '1.1'},
        'rows': list(rows),
    }


def test_a_table_says_what_was_measured_where_and_how():
    table = markdown_table(report(row('sam2'), row('edgetam')))
    assert '| nano | 256 | 1 | 50 | 98 | 80 | 31 | sam2 | 100 | 62 | 2.00 | 1.91 |' in table
    assert '| edgetam |' in table
    assert 'Abacus, 2 cores, 1 thread,' in table and '123 GFLOP/s' in table
    assert 'torch 2.0, sam2 1.1' in table and 'rclpy' not in table
    assert table.endswith('    surgsam2 bench --models nano')


def test_a_table_leaves_out_what_was_not_measured():
    assert 'against' not in markdown_table(report(row()))
    assert 'growth' not in markdown_table(report(row()))
    grown = markdown_table(report(row(memory_growth_mb=0.2), growth_frames=300))
    assert '| growth MB |' in grown and 'Growth is over 300 frames.' in grown
    shrunk = markdown_table(report(row(memory_growth_mb=-0.2), growth_frames=300))
    assert shrunk.splitlines()[2].endswith('| 31 | 0 |')


def test_the_node_has_a_table_of_its_own():
    spread = dict.fromkeys(('p50', 'p95', 'max'), 12.34)
    figures = {
        'model': 'nano',
        'objects': 2,
        'image': '640x512',
        'MEAN_PLAYBACK_FRAME_RATE': 30.0,
        'MEAN_FRAME_RATE': 29.96,
        'NUM_MISSED_FRAMES': 1,
        'latency_ms': spread,
        'inference_ms': spread,
        'transport_ms': spread,
        'overhead_ms': spread,
        'cpu_cores': 0.875,
        'resident_mb_end': 551.2,
        'resident_growth_mb_per_min': None,
    }
    made = {**report(), 'rows_through_node': [figures]}
    written = node_table(made)
    spreads = '12.3 | 12.3 | 12.3 | 12.3 | 12.3 | 12.3 | 12.3'
    assert f'| nano | 2 | 640x512 | 30.0 | 30.0 | 1 | {spreads} | 0.88 | 551 | – |' in written
    assert 'Lag' not in written
    figures |= {'viewers': 1, 'shown_hz': 24.96, 'lag_ms_p50': 31.0, 'lag_ms_p95': 60.04}
    viewed = node_table({**report(), 'rows_through_node': [figures]})
    assert '| 551 | – | 1 | 25.0 | 31.0 | 60.0 |' in viewed
    assert "Lag from the node's result to the arrival of its picture" in viewed
    assert 'preview' not in viewed
    figures |= {'previews': 20, 'preview_ms': spread}
    asked = node_table({**report(), 'rows_through_node': [figures]})
    assert '| lag p50 | p95 | preview p50 | p95 |' in asked
    assert '| 31.0 | 60.0 | 12.3 | 12.3 |' in asked
    assert written.endswith('\n    surgsam2 bench --models nano')


def test_ours_has_one_bar_for_a_case_and_each_other_one():
    bars = bars_of(report(row('sam2'), row('edgetam'), row('sam2', objects=2)))
    assert [(bar.case, bar.name) for bar in bars] == [
        ('nano, 256 px, 1 object', 'ours'),
        ('nano, 256 px, 1 object', 'sam2'),
        ('nano, 256 px, 1 object', 'edgetam'),
        ('nano, 256 px, 2 objects', 'ours'),
        ('nano, 256 px, 2 objects', 'sam2'),
    ]


def test_cases_that_differ_in_their_pruning_have_bars_of_their_own():
    bars = bars_of(report(row('sam2', pruned=0), row('sam2', pruned=2)))
    assert [(bar.case, bar.name) for bar in bars] == [
        ('nano, 256 px, 1 object, 0 memories pruned', 'ours'),
        ('nano, 256 px, 1 object, 0 memories pruned', 'sam2'),
        ('nano, 256 px, 1 object, 2 memories pruned', 'ours'),
        ('nano, 256 px, 1 object, 2 memories pruned', 'sam2'),
    ]


def test_bars_are_as_long_as_times_and_shares():
    made = report(row('sam2'))
    times, shares = draw_chart(made).axes
    (shown,) = made['rows']
    assert [bar.get_width() for bar in times.patches] == [
        shown['wall_ms'],
        shown['wall_ms_against'],
    ]
    assert [label.get_text() for label in times.get_yticklabels()] == ['ours', 'sam2']
    encoder = shares.containers[0].patches[0].get_width()
    spent = shown['stages_cpu_ms']
    assert encoder == pytest.approx(spent['encoder'] / sum(spent.values()))
    assert sum(stage.patches[0].get_width() for stage in shares.containers) == pytest.approx(1)


def test_the_picture_is_a_png_in_a_new_folder(tmp_path):
    path = tmp_path / 'new' / 'bench.png'
    write_chart(path, report(row()))
    assert cv2.imread(str(path)).shape[1] == 1000
