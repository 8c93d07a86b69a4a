# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Masks cropped to their boxes."""

import numpy as np
import pytest

from surgsam2_ros.tracking import MaskCrop


def mask_of(rows, columns):
    mask = np.zeros((20, 30), bool)
    mask[rows, columns] = True
    return mask


@pytest.mark.parametrize(
    ('mask', 'box'),
    [
        (mask_of(slice(4, 10), slice(5, 17)), (5, 4, 12, 6)),
        (mask_of([0, 19], [29, 0]), (0, 0, 30, 20)),
        (mask_of(19, 29), (29, 19, 1, 1)),
        (np.ones((20, 30), bool), (0, 0, 30, 20)),
    ],
)
def test_a_crop_holds_the_mask_in_its_tight_box(mask, box):
    crop = MaskCrop.of(mask)
    assert crop.box == box
    assert crop.pixels.shape == (box[3], box[2]) and crop.pixels.flags.c_contiguous
    np.testing.assert_array_equal(crop.expand(), mask)
    rows, columns = np.nonzero(mask)
    assert crop.area == len(rows)
    assert crop.centroid == pytest.approx((columns.mean(), rows.mean()))


def test_an_empty_mask_has_no_geometry():
    for crop in (MaskCrop.of(np.zeros((20, 30), bool)), MaskCrop.empty((20, 30))):
        assert (crop.box, crop.area, crop.centroid) == (None, 0, None)
        assert crop.expand().shape == (20, 30) and not crop.expand().any()


def test_a_part_is_placed_and_its_empty_margin_dropped():
    part = np.zeros((6, 8), bool)
    part[1:4, 2:7] = True
    crop = MaskCrop.placed(part, 10, 5, (20, 30))
    assert crop.box == (12, 6, 5, 3)
    np.testing.assert_array_equal(crop.expand(), mask_of(slice(6, 9), slice(12, 17)))


def test_a_crop_does_not_change_with_the_mask_that_it_was_cut_from():
    mask = np.ones((20, 30), bool)
    crop = MaskCrop.of(mask)
    mask[:] = False
    assert crop.area == 600
