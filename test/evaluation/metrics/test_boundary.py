# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The boundary measure F of the DAVIS benchmark."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from surgsam2_ros.evaluation.metrics.boundary import boundary_f_measure, mask_boundary


def box_mask(x: int, y: int) -> np.ndarray:
    mask = np.zeros((100, 160), bool)
    mask[y : y + 40, x : x + 60] = True
    return mask


def test_shifted_boxes_have_the_benchmarks_values():
    """The tolerance is 2 px here: a shift of 3 px in x loses the upright sides, of 10 px more."""
    assert boundary_f_measure(box_mask(40, 30), box_mask(43, 30)) == pytest.approx(0.62, abs=5e-6)
    assert boundary_f_measure(box_mask(40, 30), box_mask(40, 40)) == pytest.approx(0.35, abs=5e-6)


def test_a_shift_within_the_tolerance_costs_nothing():
    assert boundary_f_measure(box_mask(40, 30), box_mask(42, 30)) == 1.0
    assert boundary_f_measure(box_mask(40, 30), box_mask(44, 30), tolerance=4) == 1.0


def test_empty_masks():
    nothing = np.zeros((100, 160), bool)
    assert boundary_f_measure(nothing, nothing) == 1.0
    assert boundary_f_measure(nothing, box_mask(40, 30)) == 0.0
    assert boundary_f_measure(box_mask(40, 30), nothing) == 0.0


def test_the_frame_is_no_boundary():
    mask = np.zeros((6, 8), bool)
    mask[:, :4] = True
    expected = np.zeros((6, 8), bool)
    expected[:, 3] = True
    np.testing.assert_array_equal(mask_boundary(mask), expected)
    assert not mask_boundary(np.ones((6, 8), bool)).any()


def test_masks_of_different_size_are_refused():
    with pytest.raises(ValueError, match=r'\[100, 160\].*\[10, 10\]'):
        boundary_f_measure(box_mask(0, 0), np.zeros((10, 10), bool))


def test_the_published_result_on_davis_is_reproduced(shared_data):
    folder = shared_data('davis_car_shadow')
    values = [
        boundary_f_measure(
            cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 0,
            cv2.imread(str(folder / 'gt' / path.name), cv2.IMREAD_GRAYSCALE) > 0,
        )
        for path in sorted((folder / 'osvos_result').glob('*.png'))
    ]
    assert len(values) == 40
    assert np.mean(values[1:-1]) == pytest.approx(0.91741, abs=5e-6)
    assert np.mean(values) == pytest.approx(0.9131, abs=5e-5)
