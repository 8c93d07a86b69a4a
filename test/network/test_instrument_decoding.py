# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Instruments from maps that are drawn by hand: touching, at the border, none, broken numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from surgsam2_ros.network.instrument_decoding import (
    DecodingRule,
    box_iou,
    decode_instruments,
)
from surgsam2_ros.network.instrument_detector import DetectorMaps

SIDE, DIM = 20, 8
RULE = DecodingRule(min_score=0.5)


def maps_of(*boxes, peaks=None, features=None):
    """Draw rectangles (left, top, right, bottom) in cells, each with a peak in its middle."""
    mask = torch.full((1, 1, SIDE, SIDE), -6.0)
    centre = torch.full((1, 1, SIDE, SIDE), -8.0)
    extents = torch.zeros(1, 4, SIDE, SIDE)
    middle = torch.arange(SIDE) + 0.5
    for number, (left, top, right, bottom) in enumerate(boxes):
        cells = (0, slice(None), slice(top, bottom), slice(left, right))
        y, x = torch.meshgrid(middle[top:bottom], middle[left:right], indexing='ij')
        mask[cells] = 6.0
        extents[cells] = torch.stack([x - left, y - top, right - x, bottom - y])
        peak = 4.0 if peaks is None else peaks[number]
        centre[0, 0, (top + bottom) // 2, (left + right) // 2] = peak
    if features is None:
        features = torch.ones(1, DIM, SIDE // 2, SIDE // 2)
    return DetectorMaps(mask, centre, extents, features)


def cells_of(found, row):
    return {(int(y), int(x)) for y, x in np.argwhere(found.mask_logits[row] > 0)}


def rectangle(left, top, right, bottom):
    return {(y, x) for y in range(top, bottom) for x in range(left, right)}


def test_nothing_is_found_where_nothing_is():
    found = decode_instruments(maps_of(), RULE)
    assert len(found) == 0
    assert found.boxes.shape == (0, 4)
    assert found.mask_logits.shape == (0, SIDE, SIDE)
    assert found.descriptors.shape == (0, DIM)


def test_touching_instruments_share_the_cells_between_them():
    one, other = (2, 3, 10, 7), (10, 3, 16, 9)
    found = decode_instruments(maps_of(one, other, peaks=(4.0, 3.0)), RULE)
    assert len(found) == 2
    assert found.boxes * SIDE == pytest.approx(np.array([one, other]), abs=1e-4)
    assert cells_of(found, 0) == rectangle(*one)
    assert cells_of(found, 1) == rectangle(*other)
    assert found.scores[0] > found.scores[1]


def test_an_instrument_ends_at_the_border():
    maps = maps_of((15, 0, 20, 6))
    maps.extents[0, 1] += 5.0  # the head believes that it goes on above the image
    maps.extents[0, 2] += 5.0  # and to the right
    found = decode_instruments(maps, RULE)
    assert found.boxes[0] * SIDE == pytest.approx([15, 0, 20, 6], abs=1e-4)
    assert cells_of(found, 0) == rectangle(15, 0, 20, 6)


def test_two_peaks_of_one_instrument_give_one():
    maps = maps_of((2, 2, 14, 6))
    maps.centre_logits[0, 0, 3, 3] = 2.0
    found = decode_instruments(maps, RULE)
    assert len(found) == 1
    assert cells_of(found, 0) == rectangle(2, 2, 14, 6)


def test_a_peak_without_a_mask_is_none():
    maps = maps_of()
    maps.centre_logits[0, 0, 5, 5] = 6.0
    maps.extents[:] = 3.0
    assert len(decode_instruments(maps, RULE)) == 0


def test_instruments_below_the_score_are_left_out_and_no_more_than_wanted_are_kept():
    boxes = [(x, 1, x + 3, 8) for x in range(0, 18, 4)]
    maps = maps_of(*boxes, peaks=(4.0, 3.0, 2.0, 1.0, -1.0))
    assert len(decode_instruments(maps, RULE)) == 4
    few = decode_instruments(maps, DecodingRule(min_score=0.5, most=2))
    assert few.boxes[:, 0] * SIDE == pytest.approx([0, 4], abs=1e-4)


@pytest.mark.parametrize('bad', [float('nan'), float('inf'), -float('inf')])
def test_broken_numbers_are_background_and_leave_the_rest_alone(bad):
    good = (2, 2, 8, 8)
    maps = maps_of(good, (12, 12, 18, 18))
    for part in (maps.mask_logits, maps.centre_logits, maps.extents):
        part[:, :, 11:, 11:] = bad
    maps.features[:, 0, 9, 9] = bad
    found = decode_instruments(maps, RULE)
    assert len(found) == 1
    assert cells_of(found, 0) == rectangle(*good)
    assert np.isfinite(found.descriptors).all()


def test_the_descriptor_is_the_mean_direction_of_the_features_under_the_mask():
    features = torch.zeros(1, DIM, SIDE // 2, SIDE // 2)
    features[0, 0, :, :5], features[0, 1, :, 5:] = 3.0, 0.2
    found = decode_instruments(maps_of((0, 4, 8, 8), (12, 4, 20, 8), features=features), RULE)
    left, right = sorted(range(2), key=lambda row: found.boxes[row, 0])
    assert np.linalg.norm(found.descriptors, axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert found.descriptors[left][0] > 0.99
    assert found.descriptors[right][1] > 0.9


def test_iou_of_boxes():
    others = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6], [1, 1, 1, 1]], float)
    assert box_iou(np.array([0, 0, 2, 2.0]), others) == pytest.approx([1, 1 / 3, 0, 0])


@pytest.mark.parametrize('settings', [{'min_score': 1.5}, {'overlap': -0.1}, {'most': 0}])
def test_impossible_rules_are_named(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        DecodingRule(**settings)
