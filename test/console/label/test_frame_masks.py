# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Masks of one frame and the bytes of their file."""

import numpy as np
import pytest

from surgsam2_ros.console.label.frame_masks import (
    FrameMasks,
    MaskFileError,
    ObjectMask,
    decode,
    encode,
    states_in,
)
from surgsam2_ros.tracking import MaskCrop, TrackState

SIZE = (30, 41)


def _mask(seed):
    rng = np.random.default_rng(seed)
    mask = np.zeros(SIZE, bool)
    mask[5:20, 7 : 30 + seed] = rng.random((15, 23 + seed)) > 0.5
    return mask


def _masks(*seeds):
    objects = {
        seed: ObjectMask(seed, MaskCrop.of(_mask(seed)), seed / 10, 0.9, TrackState.TRACKED)
        for seed in seeds
    }
    return FrameMasks(SIZE, objects)


def test_masks_that_overlap_come_back_to_the_pixel():
    read = decode(encode(_masks(1, 2, 3)))
    assert list(read.objects) == [1, 2, 3]
    for seed, one in read.objects.items():
        np.testing.assert_array_equal(one.crop.expand(), _mask(seed))
        assert (one.score, one.presence, one.state) == (seed / 10, 0.9, TrackState.TRACKED)


def test_an_object_that_is_not_seen_is_kept_as_such():
    unseen = ObjectMask(4, MaskCrop.empty(SIZE), 0.1, 0.0, TrackState.OCCLUDED)
    read = decode(encode(_masks(1).changed([unseen])))
    assert read.objects[4].crop.box is None
    assert read.objects[4].state == TrackState.OCCLUDED


def test_states_are_read_from_the_first_two_lines():
    start = b''.join(encode(_masks(1, 2)).splitlines(keepends=True)[:2])
    assert states_in(start) == {1: 1, 2: 1}


@pytest.mark.parametrize('place', [20, 60, -1])
def test_a_changed_byte_is_found(place):
    content = bytearray(encode(_masks(1)))
    content[place] ^= 4
    with pytest.raises(MaskFileError):
        decode(bytes(content))


def test_where_masks_overlap_the_better_one_is_drawn():
    labels = _masks(1, 2).label_image({1, 2})
    np.testing.assert_array_equal(labels == 2, _mask(2))
    np.testing.assert_array_equal(labels == 1, _mask(1) & ~_mask(2))


def test_objects_that_were_removed_are_not_drawn():
    assert set(np.unique(_masks(1, 2).label_image({1}))) == {0, 1}
