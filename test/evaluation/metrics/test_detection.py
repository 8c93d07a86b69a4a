# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Average precision, precision and recall on cases that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from surgsam2_ros.evaluation.metrics.detection import (
    ImageDetections,
    box_overlaps,
    detection_scores,
    mask_overlaps,
)


def image(scores, overlaps, ignored=None):
    overlaps = np.array(overlaps, float).reshape(len(scores), -1)
    return ImageDetections(
        np.array(scores, float),
        overlaps,
        np.zeros(overlaps.shape[1], bool) if ignored is None else np.array(ignored, bool),
    )


def nothing_found(instruments):
    return ImageDetections(np.zeros(0), np.zeros((0, instruments)), np.zeros(instruments, bool))


def test_all_found_and_nothing_else():
    scores = detection_scores([image([0.9, 0.8], [[0.7, 0], [0, 0.6]])], min_score=0.5)
    assert (scores.average_precision, scores.precision, scores.recall) == (1.0, 1.0, 1.0)
    assert (scores.instruments, scores.found, scores.false) == (2, 2, 0)


def test_average_precision_by_hand():
    # By rank: hit, false, hit; three instruments. Precision 1 at recall 1/3, 2/3 at recall 2/3.
    images = [image([0.9, 0.7], [[0.8, 0], [0, 0.9]]), image([0.8], [[0.2]])]
    scores = detection_scores(images)
    assert scores.average_precision == pytest.approx((1 + 2 / 3) / 3)


def test_the_same_instrument_is_found_once():
    scores = detection_scores([image([0.9, 0.8], [[0.7], [0.9]])], min_score=0.5)
    assert (scores.found, scores.false) == (1, 1)


def test_a_second_detection_takes_the_other_instrument():
    scores = detection_scores([image([0.9, 0.8], [[0.7, 0.1], [0.9, 0.6]])])
    assert scores.found == 2


def test_precision_and_recall_count_from_the_score_on_and_average_precision_all():
    images = [image([0.9, 0.3], [[0.7, 0], [0, 0.6]])]
    scores = detection_scores(images, min_score=0.5)
    assert (scores.found, scores.recall) == (1, 0.5)
    assert scores.average_precision == 1.0


def test_what_need_not_be_found_counts_neither_way():
    scores = detection_scores([image([0.9, 0.8], [[0.7, 0], [0, 0.6]], ignored=[False, True])])
    assert (scores.instruments, scores.found, scores.false) == (1, 1, 0)


def test_missed_instruments_and_pictures_without_any():
    scores = detection_scores([nothing_found(2)])
    assert (scores.average_precision, scores.precision, scores.recall) == (0.0, None, 0.0)
    empty = detection_scores([image([0.9], [[]])])
    assert (empty.average_precision, empty.precision, empty.recall) == (None, 0.0, None)


def test_overlaps():
    boxes = box_overlaps([(0, 0, 4, 2)], [(2, 0, 6, 2), (9, 9, 10, 10), (3, 3, 3, 3)])
    assert boxes == pytest.approx(np.array([[1 / 3, 0, 0]]))
    assert box_overlaps([], [(0, 0, 1, 1)]).shape == (0, 1)
    masks = np.zeros((2, 4, 4), bool)
    masks[0, :2], masks[1, 1:3] = True, True
    assert mask_overlaps(masks[:1], masks) == pytest.approx(np.array([[1, 1 / 3]]))
