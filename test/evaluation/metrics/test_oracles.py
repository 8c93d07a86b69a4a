# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""J, F and Dice on random masks, against vos-benchmark and their definitions spelled out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_masks import blobs, label_images

from surgsam2_ros.evaluation.metrics import boundary_f_measure, dice, jaccard


@given(blobs(2))
def test_one_frame_scores_as_in_vos_benchmark(masks):
    evaluator = pytest.importorskip('vos_benchmark.evaluator').Evaluator()
    predicted, truth = masks
    evaluator.feed_frame(predicted.astype(np.uint8), truth.astype(np.uint8))
    assert evaluator.object_iou.get(1, [1])[0] == pytest.approx(jaccard(predicted, truth))
    assert evaluator.boundary_f.get(1, [1])[0] == pytest.approx(
        boundary_f_measure(predicted, truth)
    )


@given(blobs(2, height=250, width=400))
def test_a_wider_tolerance_scores_as_in_vos_benchmark(masks):
    """At this size the tolerance is 4 px, so that the shape of the disk matters."""
    evaluator = pytest.importorskip('vos_benchmark.evaluator').Evaluator()
    predicted, truth = masks
    evaluator.feed_frame(predicted.astype(np.uint8), truth.astype(np.uint8))
    assert evaluator.boundary_f.get(1, [1])[0] == pytest.approx(
        boundary_f_measure(predicted, truth)
    )


def pixels(mask: np.ndarray) -> set[tuple[int, int]]:
    return {(int(row), int(column)) for row, column in np.argwhere(mask)}


def outline(mask: np.ndarray) -> set[tuple[int, int]]:
    """Pixels of which one to the right, below or both differs; only those within the image."""
    height, width = mask.shape
    found = set()
    for row in range(height):
        for column in range(width):
            for down, right in ((0, 1), (1, 0), (1, 1)):
                r, c = min(row + down, height - 1), min(column + right, width - 1)
                if mask[r, c] != mask[row, column]:
                    found.add((row, column))
    return found


masks = label_images(9, 12, (0, 0, 0, 1)).map(lambda labels: labels == 1)


@given(masks, masks)
def test_overlaps_follow_from_the_sets_of_pixels(predicted, truth):
    ours, theirs = pixels(predicted), pixels(truth)
    either, both = ours | theirs, ours & theirs
    assert jaccard(predicted, truth) == (len(both) / len(either) if either else 1.0)
    total = len(ours) + len(theirs)
    assert dice(predicted, truth) == (2 * len(both) / total if total else 1.0)


@given(masks, masks)
def test_dice_and_jaccard_tell_the_same(predicted, truth):
    overlap = jaccard(predicted, truth)
    assert dice(predicted, truth) == pytest.approx(2 * overlap / (1 + overlap))


@given(masks, masks, st.integers(1, 3))
def test_f_follows_from_the_distances_of_outline_pixels(predicted, truth, tolerance):
    ours, theirs = outline(predicted), outline(truth)
    if not ours or not theirs:
        expected = float(not ours and not theirs)
    else:
        precision = matched_share(ours, theirs, tolerance)
        recall = matched_share(theirs, ours, tolerance)
        total = precision + recall
        expected = 2 * precision * recall / total if total else 0.0
    assert boundary_f_measure(predicted, truth, tolerance) == pytest.approx(expected)


def matched_share(ours, theirs, tolerance: int) -> float:
    """Share of our outline pixels that have one of theirs within the tolerance."""
    near = [min(math.dist(a, b) for b in theirs) <= tolerance for a in ours]
    return sum(near) / len(near)
