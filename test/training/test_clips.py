# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A training clip has the objects of its first frame, and pictures as the network takes them."""

from __future__ import annotations

import numpy as np
import pytest

from surgsam2_ros.training.clips import make_clip, normalise, visible_objects


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def three_squares(size=64):
    """Return pictures and labels of ids 2, 7 and 9, of which 9 appears in the second frame."""
    labels = np.zeros((3, size, size), np.uint8)
    labels[:, 2:12, 2:12] = 2
    labels[:, 20:30, 20:30] = 7
    labels[1:, 40:60, 40:60] = 9
    return np.repeat(labels[..., None] * 20, 3, axis=3), labels


def test_a_clip_tracks_the_objects_of_its_first_frame_and_knows_the_others_as_foreground(rng):
    rgb, labels = three_squares()
    clip = make_clip(rgb, labels, 3, rng, names=('a/0', 'a/1', 'a/2'))
    assert clip.masks.dtype == clip.foreground.dtype == bool
    assert clip.masks.shape == (2, 3, 64, 64)
    assert {tuple(mask.sum(axis=(1, 2))) for mask in clip.masks} == {(100, 100, 100)}
    assert clip.masks[:, 0].any(axis=0).sum() == 200
    assert clip.foreground.sum(axis=(1, 2)).tolist() == [200, 600, 600]
    assert clip.names == ('a/0', 'a/1', 'a/2')


def test_of_too_many_objects_some_are_drawn(rng):
    rgb, labels = three_squares()
    drawn = {int(labels[0][make_clip(rgb, labels, 1, rng).masks[0, 0]][0]) for _ in range(40)}
    assert drawn == {2, 7}


def test_a_clip_without_a_large_enough_object_is_none(rng):
    rgb, labels = three_squares()
    assert make_clip(rgb, np.zeros_like(labels), 3, rng) is None
    specks = np.zeros_like(labels)
    specks[:, 0, :3] = 1
    assert make_clip(rgb, specks, 3, rng) is None
    assert make_clip(rgb, specks, 3, rng, smallest=0.0).masks.sum() == 9


def test_visible_objects_cover_their_share_of_the_picture():
    labels = np.zeros((100, 100), np.uint8)
    labels[0, :10] = 4
    labels[1, :9] = 200
    assert visible_objects(labels, smallest=0.001).tolist() == [4]
    assert visible_objects(labels, smallest=0.0).tolist() == [4, 200]
    assert visible_objects(np.full((4, 4), 3, np.uint8)).tolist() == [3]


def test_pictures_are_normalised_with_the_imagenet_statistics():
    """0.485, 0.456, 0.406 are the mean and 0.229, 0.224, 0.225 the deviation, of values in 0..1."""
    images = normalise(np.full((2, 4, 5, 3), (0, 255, 102), np.uint8))
    assert images.shape == (2, 3, 4, 5)
    assert images.dtype == np.float32
    expected = [-0.485 / 0.229, (1 - 0.456) / 0.224, (0.4 - 0.406) / 0.225]
    np.testing.assert_allclose(images[1, :, 3, 2], expected, rtol=1e-5)
