# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Simulated prompts say what a person could truthfully say about a mask."""

from __future__ import annotations

import numpy as np
import pytest

from surgsam2_ros.training.prompts import (
    PromptBatch,
    PromptKind,
    add_corrections,
    click,
    corrupt_mask,
    loose_box,
    simulate_prompts,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def disc(row, column, radius, size=64):
    rows, columns = np.mgrid[:size, :size]
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def test_clicks_lie_in_the_region(rng):
    mask = disc(20, 40, 8) & ~disc(20, 40, 4)
    for _ in range(100):
        x, y = click(mask, rng).astype(int)
        assert mask[y, x]


def test_boxes_surround_the_mask_loosely_and_stay_in_the_picture(rng):
    mask = disc(10, 50, 12)
    boxes = np.stack([loose_box(mask, rng) for _ in range(200)])
    assert boxes.min() >= 0
    assert boxes.max() <= 63
    assert (boxes[:, 1] >= boxes[:, 0]).all()
    assert np.abs(boxes.mean(axis=0) - [[38, 0], [62, 22]]).max() < 1.5
    assert boxes.std(axis=0)[0, 0] > 1


def test_a_box_without_slack_is_tight(rng):
    assert loose_box(disc(30, 30, 5), rng, slack=0.0).tolist() == [[25, 25], [35, 35]]


def test_every_object_gets_a_prompt_of_the_kind(rng):
    masks = np.stack([disc(20, 20, 6), disc(40, 40, 9)])
    assert simulate_prompts(masks, PromptKind.MASK, rng).points is None
    boxes = simulate_prompts(masks, PromptKind.BOX, rng)
    assert boxes.points.shape == (2, 2, 2)
    assert boxes.labels.tolist() == [[2, 3], [2, 3]]
    counts = set()
    for _ in range(60):
        points = simulate_prompts(masks, PromptKind.POINT, rng)
        assert (points.labels == 1).all()
        assert points.points.dtype == np.float32
        counts.add(points.points.shape[1])
    assert counts == {1, 2, 3, 4, 5}


def test_an_object_that_is_not_there_cannot_be_prompted(rng):
    masks = np.stack([disc(20, 20, 6), np.zeros((64, 64), bool)])
    with pytest.raises(ValueError, match='visible'):
        simulate_prompts(masks, PromptKind.BOX, rng)


def test_corrections_are_positive_on_misses_and_negative_on_leaks(rng):
    truth = np.stack([disc(32, 32, 10)] * 3)
    predicted = np.stack([disc(32, 32, 6), disc(32, 32, 14), truth[2]])
    start = simulate_prompts(truth, PromptKind.BOX, rng)
    corrected = add_corrections(start, predicted, truth, rng)
    assert corrected.points.shape == (3, 3, 2)
    assert corrected.labels[:, 2].tolist() == [1, 0, -1]
    for index in (0, 1):
        x, y = corrected.points[index, 2].astype(int)
        assert truth[index, y, x] != predicted[index, y, x]
    assert (corrected.points[:, :2] == start.points).all()
    assert isinstance(corrected, PromptBatch)


def test_damage_changes_a_mask_but_leaves_most_of_it(rng):
    mask = disc(32, 32, 14)
    overlaps = []
    for _ in range(100):
        damaged = corrupt_mask(mask, rng)
        assert damaged.dtype == bool
        overlaps.append((damaged & mask).sum() / (damaged | mask).sum())
    assert np.mean(np.array(overlaps) < 0.99) > 0.8
    assert 0.4 < np.mean(overlaps) < 0.95


def test_damage_to_an_empty_mask_does_not_fail(rng):
    empty = np.zeros((64, 64), bool)
    assert {corrupt_mask(empty, rng).any() for _ in range(40)} == {True, False}
