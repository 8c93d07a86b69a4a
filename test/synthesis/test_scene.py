# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures and truth of a scene agree to the pixel, in any order of rendering."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from plain_optics import plain_optics

from surgsam2_ros.synthesis.clips import random_scene
from surgsam2_ros.synthesis.laparoscopy import render_scene
from surgsam2_ros.synthesis.optics import Optics, disc_view
from surgsam2_ros.synthesis.scene import Body, CameraPath, Scene, Shadows
from surgsam2_ros.synthesis.sprites import Placement, Sprite

SHAPE = (64, 80)
GREY = (90, 90, 90)
RED, GREEN, BLUE = (230, 20, 20), (20, 230, 20), (20, 20, 230)


def square(side: int, colour: Sequence[float]) -> Sprite:
    """Return a flat square with a transparent border, anchored at its centre."""
    pixels = np.zeros((side + 4, side + 4, 4), np.float32)
    pixels[2:-2, 2:-2] = (*colour, 1)
    return Sprite(pixels, ((side + 3) / 2, (side + 3) / 2))


@dataclass(frozen=True, eq=False)
class FlatBody:
    """One sprite that moves by `step` pixels a frame."""

    sprite: Sprite
    start: tuple[float, float]
    label: int
    step: tuple[float, float] = (0.0, 0.0)
    angle: float = 0.0
    casts_shadow: bool = True
    lies_on_ground: bool = False

    def gain(self, frame: int) -> float:
        return 1.0

    def placements(self, frame: int) -> Iterator[Placement]:
        x = self.start[0] + frame * self.step[0]
        y = self.start[1] + frame * self.step[1]
        yield Placement(self.sprite, x, y, self.angle)


def still_camera(frames: int) -> CameraPath:
    return CameraPath(np.zeros((frames, 2)), np.zeros(frames), np.ones(frames))


def flat_scene(
    *bodies: Body, frames: int = 3, optics: Optics | None = None, shadow: float = 0.0
) -> Scene:
    return Scene(
        np.full((*SHAPE, 3), GREY, np.float32),
        bodies,
        still_camera(frames),
        optics or plain_optics(SHAPE, frames),
        SHAPE,
        frames,
        Shadows(shadow, (0, 0), 8),
    )


def with_plain_optics(scene: Scene, bodies: Sequence[Body], background: np.ndarray) -> Scene:
    return Scene(
        background,
        bodies,
        scene.camera,
        plain_optics(scene.shape, len(scene)),
        scene.shape,
        len(scene),
        Shadows(0, (0, 0), 1),
    )


def test_labels_are_exactly_the_pixels_of_a_bodys_colour():
    scene = flat_scene(
        FlatBody(square(11, RED), (20, 20), label=1), FlatBody(square(15, GREEN), (60, 40), label=2)
    )
    rgb, labels = scene[0]
    assert np.array_equal(labels == 1, (rgb == RED).all(axis=2))
    assert np.array_equal(labels == 2, (rgb == GREEN).all(axis=2))
    assert np.array_equal(labels == 0, (rgb == GREY).all(axis=2))
    expected = np.zeros(SHAPE, bool)
    expected[15:26, 15:26] = True
    assert np.array_equal(labels == 1, expected)


def test_nearer_body_hides_farther_one_in_picture_and_labels():
    scene = flat_scene(
        FlatBody(square(21, RED), (30, 30), label=1), FlatBody(square(21, GREEN), (36, 30), label=2)
    )
    rgb, labels = scene[0]
    assert labels[30, 30] == 2
    assert tuple(rgb[30, 30]) == GREEN
    assert (labels == 2).sum() == 21 * 21
    assert (labels == 1).sum() == 21 * 6


def test_unlabelled_body_in_front_takes_the_label_away():
    scene = flat_scene(
        FlatBody(square(21, RED), (30, 30), label=1), FlatBody(square(9, BLUE), (30, 30), label=0)
    )
    _, labels = scene[0]
    assert (labels == 1).sum() == 21 * 21 - 9 * 9


def test_a_pixel_is_labelled_when_more_than_half_of_it_is_covered():
    _, mostly = flat_scene(FlatBody(square(10, RED), (30.9, 30.5), label=1))[0]
    _, hardly = flat_scene(FlatBody(square(10, RED), (30.6, 30.5), label=1))[0]
    assert np.flatnonzero((mostly == 1).any(axis=0)).tolist() == list(range(26, 36))
    assert np.flatnonzero((hardly == 1).any(axis=0)).tolist() == list(range(26, 36))
    _, less = flat_scene(FlatBody(square(10, RED), (30.4, 30.5), label=1))[0]
    assert np.flatnonzero((less == 1).any(axis=0)).tolist() == list(range(26, 36))
    _, other_side = flat_scene(FlatBody(square(10, RED), (29.9, 30.5), label=1))[0]
    assert np.flatnonzero((other_side == 1).any(axis=0)).tolist() == list(range(25, 35))


def test_rotated_body_matches_the_analytic_shape():
    angle, side = 0.5, 30
    _, labels = flat_scene(FlatBody(square(side, RED), (40, 32), label=1, angle=angle))[0]
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    along = (x - 40) * np.cos(angle) + (y - 32) * np.sin(angle)
    across = (y - 32) * np.cos(angle) - (x - 40) * np.sin(angle)
    distance = np.maximum(abs(along), abs(across)) - side / 2
    assert (labels[distance < -0.75] == 1).all()
    assert (labels[distance > 0.75] == 0).all()


def test_a_body_that_leaves_the_picture_loses_its_label_and_gets_it_back():
    scene = flat_scene(FlatBody(square(11, RED), (20, 20), label=1, step=(-40, 0)), frames=3)
    assert [bool((scene[frame][1] == 1).any()) for frame in (0, 1, 0)] == [True, False, True]


def test_labels_end_at_the_rim_of_a_round_view():
    disc = disc_view(SHAPE, (40, 32), 20)
    optics = replace(plain_optics(SHAPE, 3), falloff=disc, view=disc >= 0.5)
    rgb, labels = flat_scene(FlatBody(square(60, RED), (40, 32), label=1), optics=optics)[0]
    assert np.array_equal(labels == 1, disc >= 0.5)
    assert (rgb[disc == 0] == 0).all()


def test_shadow_darkens_what_is_behind_and_no_label():
    bare, labels = flat_scene(FlatBody(square(11, RED), (40, 32), label=1))[0]
    shaded, same = flat_scene(FlatBody(square(11, RED), (40, 32), label=1), shadow=0.6)[0]
    assert np.array_equal(labels, same)
    assert np.array_equal(shaded[labels == 1], bare[labels == 1])
    middle = slice(30, 35), slice(38, 43)  # rows and columns through the body's centre
    sides = {
        'above': (slice(23, 26), middle[1]),
        'below': (slice(39, 42), middle[1]),
        'left': (middle[0], slice(31, 34)),
        'right': (middle[0], slice(47, 50)),
    }
    for name, side in sides.items():
        assert (labels[side] == 0).all(), name
        assert shaded[side].mean() < bare[side].mean() - 4, name
    assert np.array_equal(shaded[:5], bare[:5])


@pytest.mark.parametrize('seed', range(8))
def test_labelled_are_the_pixels_through_which_less_than_half_of_the_background_shows(seed):
    scene = random_scene(np.random.default_rng(seed), 2, 96)
    instruments = [body for body in scene.bodies if body.label]
    dark = np.zeros_like(scene.background)
    on_dark, labels = with_plain_optics(scene, instruments, dark)[1]
    on_grey, same = with_plain_optics(scene, instruments, dark + 60)[1]
    assert np.array_equal(labels, same)
    shine = (on_grey.astype(int) - on_dark).mean(axis=2) / 60
    assert (shine[labels > 0] < 0.52).all()
    # Two objects may together hide a pixel of which neither covers half.
    assert (shine[labels == 0] > 0.48).mean() > 0.998


def test_frames_do_not_depend_on_the_order_in_which_they_are_rendered():
    scene = random_scene(np.random.default_rng(5), 4, 64)
    forward = [scene[index] for index in range(4)]
    for index in (2, 0, 3, 1):
        rgb, labels = scene[index]
        assert np.array_equal(rgb, forward[index][0])
        assert np.array_equal(labels, forward[index][1])


def test_iteration_gives_every_frame_once_and_negative_indices_count_from_the_end():
    scene = flat_scene(FlatBody(square(5, RED), (10, 10), label=1, step=(10, 0)), frames=4)
    frames = list(scene)
    assert len(frames) == len(scene) == 4
    assert np.array_equal(scene[-1][1], frames[3][1])
    with pytest.raises(IndexError):
        scene[4]


def test_slices_are_refused_with_a_reason():
    with pytest.raises(TypeError, match='one frame at a time'):
        flat_scene()[0:2]


def test_camera_never_looks_past_a_background_of_its_reach():
    frames = 40
    rng = np.random.default_rng(0)
    camera = CameraPath(
        rng.uniform(-9, 9, (frames, 2)),
        rng.uniform(-0.3, 0.3, frames),
        rng.uniform(0.8, 1.2, frames),
    )
    side = camera.reach(SHAPE)
    corners = np.array([[0, 0], [SHAPE[1], 0], [0, SHAPE[0]], [SHAPE[1], SHAPE[0]]])
    for frame in range(frames):
        matrix = camera.background_map(frame, SHAPE, (side, side))
        seen = corners @ matrix[:, :2].T + matrix[:, 2]
        assert seen.min() >= 0
        assert seen.max() <= side


def test_rendering_needs_no_memory_that_grows_with_the_frames():
    scene = render_scene(0, 2000, size=(64, 80))
    frames = iter(scene)
    for _ in range(3):
        next(frames)
    tracemalloc.start()
    try:
        for _ in range(40):
            next(frames)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    frame_bytes = 64 * 80 * 4
    assert kept < 3 * frame_bytes
    assert peak < 60 * frame_bytes
