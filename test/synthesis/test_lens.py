# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Dirt, glare, interlacing, breathing and blood change the picture as they say, truth with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from plain_optics import plain_optics

from surgsam2_ros.synthesis.breathing import Breathing
from surgsam2_ros.synthesis.lens import Dirt, Glare, random_dirt, random_glare
from surgsam2_ros.synthesis.scene import CameraPath, Scene, Shadows
from surgsam2_ros.synthesis.sprites import Placement, Sprite

SHAPE = (48, 64)


class Mover:
    """A white square of eight pixels that moves ten pixels a frame to the right."""

    label = 1
    casts_shadow = False

    def __init__(self, lies_on_ground: bool = False, step: float = 10.0) -> None:
        self.lies_on_ground = lies_on_ground
        self.step = step
        self.sprite = Sprite(np.ones((8, 8, 4), np.float32) * (255, 255, 255, 1), (3.5, 3.5))

    def gain(self, frame: float) -> float:
        return 1.0

    def placements(self, frame: float):
        yield Placement(self.sprite, 15.5 + self.step * frame, 23.5, 0.0)


def scene_with(body: Mover, background: np.ndarray, frames: int = 3, **options) -> Scene:
    still = CameraPath(np.zeros((frames, 2)), np.zeros(frames), np.ones(frames))
    return Scene(
        background,
        [body],
        options.pop('camera', still),
        options.pop('optics', plain_optics(SHAPE, frames)),
        SHAPE,
        frames,
        Shadows(0, (0, 0), 1),
        **options,
    )


def dark() -> np.ndarray:
    return np.zeros((80, 80, 3), np.float32)


def textured() -> np.ndarray:
    coarse = np.random.default_rng(0).uniform(0, 150, (20, 20, 3))
    return np.kron(coarse, np.ones((4, 4, 1))).astype(np.float32)


def test_odd_rows_of_an_interlaced_frame_are_older_in_picture_and_labels():
    plain = scene_with(Mover(), dark())
    woven = scene_with(Mover(), dark(), optics=replace(plain_optics(SHAPE, 3), field_delay=1.0))
    for part in (0, 1):
        assert np.array_equal(woven[2][part][0::2], plain[2][part][0::2])
        assert np.array_equal(woven[2][part][1::2], plain[1][part][1::2])


def test_a_field_between_two_frames_shows_the_body_between_its_places():
    woven = scene_with(Mover(), dark(), optics=replace(plain_optics(SHAPE, 3), field_delay=0.5))
    _, labels = woven[2]
    assert np.flatnonzero(labels[22]).tolist() == list(range(32, 40))
    assert np.flatnonzero(labels[23]).tolist() == list(range(27, 35))


def test_breath_moves_the_tissue_by_its_field_and_no_instrument():
    ground = textured()
    field = np.zeros((9, 9, 2), np.float32)
    field[..., 0], field[..., 1] = 4, -8
    breathing = Breathing(field, np.array([0.0, 1.0, 0.5]))
    still = scene_with(Mover(step=0), ground)
    moving = scene_with(Mover(step=0), ground, breathing=breathing)
    assert np.abs(moving[0][0].astype(int) - still[0][0]).max() <= 1
    for frame, (right, up) in ((1, (4, 8)), (2, (2, 4))):
        rgb, labels = moving[frame]
        assert np.array_equal(labels, still[frame][1])
        inner = np.s_[2:8, 10:50]
        shifted = still[frame][0][2 + up : 8 + up, 10 - right : 50 - right]
        assert np.abs(rgb[inner].astype(int) - shifted).max() <= 1


def test_what_lies_on_the_ground_keeps_its_place_on_it():
    ground = dark()
    ground[36:44, 36:44] = 90  # around the middle of the background
    body = Mover(lies_on_ground=True, step=0)
    camera = CameraPath(
        np.array([[0, 0], [6.0, -4.0], [-5.0, 3.0]]),
        np.array([0, 0.3, -0.2]),
        np.array([1, 1.3, 0.8]),
    )
    body.placements = lambda frame: iter([Placement(body.sprite, 31.5, 23.5, 0.0)])
    bare = scene_with(body, ground, camera=camera)
    bare.bodies = ()
    covered = scene_with(body, ground, camera=camera)
    for frame in range(3):
        patch = bare[frame][0][..., 0] > 45
        labels = covered[frame][1] == 1
        assert (patch & labels).sum() > 0.8 * (patch | labels).sum()


def test_motion_blur_smears_along_the_shake_alone():
    optics = replace(plain_optics(SHAPE, 3), shake=np.array([[0, 0], [8.0, 0], [0, 0]]))
    scene = scene_with(Mover(step=0), dark(), optics=optics)
    sharp, smeared = scene[0][0], scene[1][0]
    assert np.array_equal(sharp, scene[2][0])
    lit = smeared[..., 0] > 10
    assert np.array_equal(lit.any(axis=1), (sharp[..., 0] > 10).any(axis=1))
    assert lit.any(axis=0).sum() in range(14, 18)  # 8 of the square and 8 of the shake
    assert np.array_equal(scene[0][1], scene[1][1])


def test_dirt_that_has_not_come_yet_changes_nothing():
    ones = np.ones(SHAPE, np.float32)
    dirt = Dirt(ones, ones, np.float32((10, 20, 30)), np.array([0.0, 1.0]))
    image = np.random.default_rng(0).uniform(0, 255, (*SHAPE, 3)).astype(np.float32)
    before = image.copy()
    dirt.apply(image, 0)
    assert np.array_equal(image, before)
    dirt.apply(image, 1)
    assert np.allclose(image, (10, 20, 30), atol=1e-3)


def test_a_drop_takes_the_detail_and_keeps_the_brightness():
    image = np.zeros((*SHAPE, 3), np.float32)
    image[:, ::2] = 200
    drop = Dirt(
        np.ones(SHAPE, np.float32), np.zeros(SHAPE, np.float32), np.zeros(3, np.float32), np.ones(1)
    )
    drop.apply(image, 0)
    assert image.std() < 20
    assert image.mean() == pytest.approx(100, rel=0.1)


def test_glare_adds_light_around_what_is_bright_and_takes_none():
    image = np.full((*SHAPE, 3), 60, np.float32)
    image[20:28, 28:36] = 255
    before = image.copy()
    none = np.zeros((96, 128), np.float32)
    Glare(1.0, 150, 8, none, np.zeros((1, 2)), np.ones(1)).apply(image, 0)
    assert (image >= before).all()
    assert image[24, 39, 0] > 62
    assert image[2, 2, 0] == pytest.approx(60, abs=0.5)


def test_reflex_lies_where_its_path_says():
    reflex = np.zeros((96, 128), np.float32)
    reflex[48, 64] = 100
    image = np.zeros((*SHAPE, 3), np.float32)
    Glare(0, 255, 4, reflex, np.array([[10.0, -6.0]]), np.ones(1)).apply(image, 0)
    assert np.argwhere(image[..., 0] > 50).tolist() == [[24 - 6, 32 + 10]]


@pytest.mark.parametrize('seed', range(6))
def test_random_dirt_and_glare_keep_pictures_finite(seed):
    rng = np.random.default_rng(seed)
    image = rng.uniform(0, 255, (*SHAPE, 3)).astype(np.float32)
    random_dirt(rng, 4, SHAPE, blood=bool(seed % 2)).apply(image, 3)
    assert 0 <= image.min() <= image.max() <= 255.01
    random_glare(rng, 4, SHAPE).apply(image, 3)
    assert np.isfinite(image).all()
