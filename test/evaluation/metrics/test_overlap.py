# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Overlap of masks with a truth, and matching of objects by it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from surgsam2_ros.evaluation.metrics import dice, jaccard, label_overlaps, match_objects


def box_mask(x: int, y: int) -> np.ndarray:
    mask = np.zeros((100, 160), bool)
    mask[y : y + 40, x : x + 60] = True
    return mask


def test_iou_of_shifted_boxes_is_exact():
    assert jaccard(box_mask(40, 30), box_mask(43, 30)) == pytest.approx(57 / 63)
    assert jaccard(box_mask(40, 30), box_mask(40, 40)) == pytest.approx(0.6)


def test_iou_of_empty_masks():
    nothing = np.zeros((100, 160), bool)
    assert jaccard(nothing, nothing) == 1.0
    assert jaccard(nothing, box_mask(0, 0)) == 0.0
    assert jaccard(box_mask(0, 0), nothing) == 0.0


def test_dice_of_shifted_boxes_is_exact():
    assert dice(box_mask(40, 30), box_mask(43, 30)) == pytest.approx(57 / 60)
    assert dice(box_mask(40, 30), box_mask(40, 40)) == pytest.approx(30 / 40)


def test_dice_of_empty_masks():
    nothing = np.zeros((100, 160), bool)
    assert dice(nothing, nothing) == 1.0
    assert dice(nothing, box_mask(0, 0)) == 0.0
    assert dice(box_mask(0, 0), nothing) == 0.0


def test_iou_refuses_masks_of_different_size():
    with pytest.raises(ValueError, match=r'\[100, 160\].*\[10, 10\]'):
        jaccard(box_mask(0, 0), np.zeros((10, 10), bool))


def test_iou_reproduces_the_published_result_on_davis(shared_data):
    folder = shared_data('davis_car_shadow')
    overlaps = [
        jaccard(
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
