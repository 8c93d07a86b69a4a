# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Looks: alike for one instrument in other light and place, unlike for another."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from surgsam2_ros.discovery.appearance import MOST_LOOKS, Looks, describe
from surgsam2_ros.tracking.mask_crop import MaskCrop


def painted(colour, box, size=(120, 160)):
    """Return a picture with a rough patch, and the patch's mask."""
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (*size, 3), dtype=np.uint8)
    left, top, right, bottom = box
    patch = np.array(colour) + rng.normal(0, 8, (bottom - top, right - left, 3))
    picture[top:bottom, left:right] = patch.clip(0, 255)
    mask = np.zeros(size, bool)
    mask[top:bottom, left:right] = True
    return picture, MaskCrop.of(mask)


def look(colour, box=(20, 30, 70, 60), **options):
    return describe(*painted(colour, box, **options))


def test_a_look_has_the_length_one():
    assert np.linalg.norm(look((120, 120, 130))) == pytest.approx(1.0, abs=1e-6)


def test_the_background_and_the_place_do_not_count():
    assert look((200, 40, 40)) @ look((200, 40, 40), (90, 50, 150, 110)) > 0.97


def test_another_colour_is_another_look():
    assert look((200, 40, 40)) @ look((40, 60, 200)) < 0.4  # brightness counts a third


def test_a_smaller_copy_of_the_image_has_the_same_look():
    picture, crop = painted((60, 150, 60), (20, 30, 120, 100))
    small = cv2.resize(picture, (80, 60), interpolation=cv2.INTER_AREA)
    assert describe(picture, crop) @ describe(small, crop) > 0.9


def test_too_few_pixels_have_no_look():
    assert look((200, 40, 40), (20, 30, 26, 36)) is None
    picture, _ = painted((1, 2, 3), (0, 0, 9, 9))
    assert describe(picture, MaskCrop.empty((120, 160))) is None


def test_the_likest_of_several_looks_counts():
    looks = Looks()
    assert looks.likeness(np.eye(4)[0]) is None
    for axis in np.eye(4)[:2]:
        looks.add(axis)
    assert looks.likeness(np.eye(4)[1]) == 1.0
    assert looks.likeness(np.eye(4)[2]) == 0.0


def test_no_more_looks_are_kept_than_need_be():
    looks = Looks()
    for axis in np.eye(3 * MOST_LOOKS):
        looks.add(axis)
    kept = [axis for axis in np.eye(3 * MOST_LOOKS) if looks.likeness(axis) > 0.9]
    assert 0 < len(kept) <= MOST_LOOKS


def test_descriptors_of_another_length_are_another_detectors():
    looks = Looks()
    looks.add(np.eye(4)[0])
    assert looks.likeness(np.eye(8)[0]) is None
    looks.add(np.eye(8)[0])
    assert looks.likeness(np.eye(4)[0]) is None and looks.likeness(np.eye(8)[0]) == 1.0
