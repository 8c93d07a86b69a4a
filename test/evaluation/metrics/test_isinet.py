# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The overlaps of class maps, on cases worked out by hand and on random maps."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_masks import label_images

from surgsam2_ros.evaluation.metrics import instance_ciou, isinet_scores

MEASURES = ('challenge_iou', 'iou', 'miou', 'mciou')


def row(*values: int) -> np.ndarray:
    return np.array([values], np.uint8)


def test_a_class_that_only_the_prediction_shows_counts_in_iou_but_not_in_challenge_iou():
    scores = isinet_scores([row(1, 1, 0, 0)], [row(1, 0, 2, 0)])
    assert scores['challenge_iou'] == pytest.approx(1 / 2)
    assert scores['iou'] == pytest.approx((1 / 2 + 0) / 2)
    assert scores['miou'] == pytest.approx((1 + 0) / (2 + 1))
    assert scores['mciou'] == pytest.approx((1 / 2 + 0) / 2)
    assert scores['classes'] == {1: 0.5, 2: 0.0, **dict.fromkeys(range(3, 8))}


def test_means_over_images_differ_from_sums_over_images():
    truth = [row(1, 1, 1, 1), row(1, 0, 0, 2)]
    predicted = [row(1, 1, 1, 0), row(0, 1, 0, 2)]
    scores = isinet_scores(truth, predicted)
    assert scores['iou'] == scores['challenge_iou'] == pytest.approx((3 / 4 + (0 + 1) / 2) / 2)
    assert scores['miou'] == pytest.approx((3 + 0 + 1) / (4 + 2 + 1))
    assert scores['mciou'] == pytest.approx(((3 / 4 + 0) / 2 + 1) / 2)


def test_an_empty_prediction_is_an_overlap_of_nothing_that_miou_does_not_see():
    truth = [row(1, 1, 2, 0), row(1, 1, 0, 0)]
    scores = isinet_scores(truth, [row(0, 0, 0, 0), row(1, 0, 0, 0)])
    assert scores['iou'] == scores['challenge_iou'] == pytest.approx((0 + 1 / 2) / 2)
    assert scores['miou'] == pytest.approx(1 / 2)
    assert scores['mciou'] == pytest.approx(((0 + 1 / 2) / 2 + 0) / 2)


def test_an_image_without_anything_does_not_count():
    empty = row(0, 0)
    with_it = isinet_scores([row(1, 0), empty], [row(1, 1), empty])
    assert with_it == isinet_scores([row(1, 0)], [row(1, 1)])


def test_an_image_in_which_the_truth_is_empty_does_not_count_in_challenge_iou():
    scores = isinet_scores([row(1, 0), row(0, 0)], [row(1, 0), row(3, 0)])
    assert scores['challenge_iou'] == 1.0
    assert scores['iou'] == 0.5


def test_without_images_nothing_is_said():
    assert isinet_scores([], [])['iou'] is None
    assert [isinet_scores([row(0)], [row(0)])[name] for name in MEASURES] == [None] * 4


def test_values_beyond_the_classes_do_not_count():
    assert isinet_scores([row(1, 9)], [row(1, 9)])['classes'].keys() == set(range(1, 8))
    assert isinet_scores([row(1, 9)], [row(1, 8)]) == isinet_scores([row(1, 0)], [row(1, 0)])
    assert isinet_scores([row(1, 9)], [row(1, 8)], classes=(1, 9))['iou'] == 0.5


def test_maps_of_different_size_are_refused():
    with pytest.raises(ValueError, match=r'\[1, 2\].*\[1, 3\]'):
        isinet_scores([row(1, 2, 3)], [row(1, 2)])


maps = label_images(2, 4, (0, 0, 1, 2, 3))


@given(st.lists(st.tuples(maps, maps), max_size=5))
def test_the_scores_follow_from_the_definitions(pairs):
    """From one table (image, class) -> intersection, union, whether the truth shows it."""
    table = {
        (image, value): (
            int(((t == value) & (p == value)).sum()),
            int(((t == value) | (p == value)).sum()),
            bool((t == value).any()),
        )
        for image, (t, p) in enumerate(pairs)
        for value in range(1, 8)
        if ((t == value) | (p == value)).any()
    }
    by_image, by_image_of_truth, by_class = defaultdict(list), defaultdict(list), defaultdict(list)
    for (image, value), (intersection, union, shown) in table.items():
        by_image[image].append(intersection / union)
        by_class[value].append(intersection / union)
        if shown:
            by_image_of_truth[image].append(intersection / union)
    predicted = [entry for (image, _), entry in table.items() if pairs[image][1].any()]
    unions = sum(union for _, union, _ in predicted)
    expected = {
        'challenge_iou': mean_of_means(by_image_of_truth),
        'iou': mean_of_means(by_image),
        'miou': sum(i for i, _, _ in predicted) / unions if unions else None,
        'mciou': mean_of_means(by_class),
    }
    scores = isinet_scores(*zip(*pairs, strict=True)) if pairs else isinet_scores([], [])
    assert {name: scores[name] for name in MEASURES} == pytest.approx(expected)


def mean_of_means(groups: dict[int, list[float]]) -> float | None:
    return float(np.mean([np.mean(group) for group in groups.values()])) if groups else None


def test_instance_ciou_is_the_mean_over_the_objects_of_each_frame():
    """The second object is measured in frames 0 and 3 alone, and frame 2 shows none."""
    values = instance_ciou([{0: 0.8, 1: 0.6}, {3: 1.0, 0: 0.4}])
    assert values == [pytest.approx(0.6), 0.6, 1.0]
    assert instance_ciou([{}]) == instance_ciou([]) == []
