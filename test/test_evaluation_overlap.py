# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Overlap with a truth, matching of objects, percentiles and the summary of a replay."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from surgsam2_ros.evaluation import (
    ObjectRecord,
    intersection_over_union,
    label_overlaps,
    match_objects,
    percentiles,
    summarise,
)


def box_mask(x: int, y: int) -> np.ndarray:
    mask = np.zeros((100, 160), bool)
    mask[y : y + 40, x : x + 60] = True
    return mask


def test_iou_of_shifted_boxes_is_exact():
    assert intersection_over_union(box_mask(40, 30), box_mask(43, 30)) == pytest.approx(57 / 63)
    assert intersection_over_union(box_mask(40, 30), box_mask(40, 40)) == pytest.approx(0.6)


def test_iou_of_empty_masks():
    nothing = np.zeros((100, 160), bool)
    assert intersection_over_union(nothing, nothing) == 1.0
    assert intersection_over_union(nothing, box_mask(0, 0)) == 0.0
    assert intersection_over_union(box_mask(0, 0), nothing) == 0.0


def test_iou_refuses_masks_of_different_size():
    with pytest.raises(ValueError, match=r'\[100, 160\].*\[10, 10\]'):
        intersection_over_union(box_mask(0, 0), np.zeros((10, 10), bool))


def test_iou_reproduces_the_published_result_on_davis(shared_data):
    folder = shared_data('davis_car_shadow')
    overlaps = [
        intersection_over_union(
            cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 0,
            cv2.imread(str(folder / 'gt' / path.name), cv2.IMREAD_GRAYSCALE) > 0,
        )
        for path in sorted((folder / 'osvos_result').glob('*.png'))
    ]
    assert np.mean(overlaps[1:-1]) == pytest.approx(0.92840, abs=5e-6)
    assert np.mean(overlaps) == pytest.approx(0.9237, abs=5e-5)


def test_label_overlaps_follow_the_given_matches():
    truth, predicted = np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8)
    truth[:2], truth[2:] = 1, 2
    predicted[:2], predicted[3:] = 5, 6
    assert label_overlaps(predicted, truth, {1: 5, 2: 6, 3: 7}) == {1: 1.0, 2: 0.5, 3: 1.0}


def test_objects_are_matched_by_overlap_one_to_one():
    truth, predicted = np.zeros((4, 8), np.uint8), np.zeros((4, 8), np.uint8)
    truth[:, :4], truth[:, 4:] = 3, 9
    truth[0] = 255
    predicted[:, :5], predicted[:, 5:7] = 2, 1
    assert match_objects(predicted, truth) == {3: 2, 9: 1}
    assert match_objects(np.zeros_like(truth), truth) == {}


def test_percentiles_of_known_durations():
    assert percentiles(range(101)) == {'p50': 50.0, 'p95': 95.0, 'p99': 99.0, 'max': 100.0}
    assert percentiles([]) == {'p50': None, 'p95': None, 'p99': None, 'max': None}


def test_the_summary_has_the_agreed_keys_and_means_over_objects():
    first, second = ObjectRecord('a', [0.5, 1.0]), ObjectRecord('b', [0.25])
    first.states.update(['TRACKED', 'TRACKED'])
    summary = summarise(
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
    record = ObjectRecord('a')
    record.states.update(['TRACKED'] * 4)
    assert record.summary() == {
        'object_id': 'a',
        'mean_iou': None,
        'frames': 4,
        'states': {'TRACKED': 4},
    }
