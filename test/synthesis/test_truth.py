# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tip, axes and visibility of an instrument are where geometry puts them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from surgsam2_ros.synthesis import frame_truth, random_scene
from surgsam2_ros.synthesis.blobs import Blob
from surgsam2_ros.synthesis.instruments import Design, Instrument, Motion
from surgsam2_ros.synthesis.optics import random_optics
from surgsam2_ros.synthesis.scene import CameraPath, Scene, Shadows
from surgsam2_ros.synthesis.sprites import Sprite

SHAPE = (100, 160)


def bar(length: int, width: int, anchor_x: float) -> Sprite:
    """Return a white bar of pixels 0..length-1 along x, anchored in the middle of its width."""
    return Sprite(np.ones((width, length, 4), np.float32), (anchor_x, (width - 1) / 2))


def scene_of(jaws: int, *, angle: float, end: tuple[float, float], opening: float = 0.0, **camera):
    """Show an instrument whose shaft of 60 pixels ends at `end`; wrist of 10, jaws of 20 pixels.

    The wrist's hinge lies two pixels (a fifth of the width) before the end.
    """
    design = Design(
        'forceps', 10, bar(61, 10, 60), bar(11, 8, 0), 10, (bar(21, 3, 0), bar(21, 3, 0))[:jaws]
    )
    depth = 300.0
    pivot = np.array(end) - depth * np.array([np.cos(angle), np.sin(angle)])
    one = np.ones(1)
    motion = Motion(
        pivot[None], angle * one, depth * one, 0 * one, 0 * one, opening * one, one, one
    )
    view = {'offset': np.zeros((1, 2)), 'roll': np.zeros(1), 'zoom': np.ones(1), **camera}
    return Scene(
        np.zeros((*SHAPE[::-1], 3), np.float32),
        [Instrument(design, motion, label=3)],
        CameraPath(**view),
        random_optics(np.random.default_rng(0), 1, SHAPE),
        SHAPE,
        1,
        Shadows(0, (0, 0), 1),
    )


def truth_of(scene: Scene):
    (truth,) = frame_truth(scene, 0, scene[0][1])
    return truth


def test_tip_of_a_single_jaw_lies_a_jaw_beyond_its_pivot():
    truth = truth_of(scene_of(1, angle=0.0, end=(70, 40)))
    assert truth.label == 3
    assert truth.kind == 'forceps'
    assert truth.visible
    assert truth.tip_visible
    ((pivot, tip),) = truth.jaws
    assert pivot == pytest.approx((78, 40), abs=0.01)  # 70 - 2 + 10
    assert tip == pytest.approx((98, 40), abs=1.1)  # a corner of the bar's end
    assert truth.tip == tip
    assert truth.shaft[0] == pytest.approx((10, 40), abs=0.01)
    assert truth.shaft[1] == pytest.approx((70, 40), abs=0.01)


def test_axes_turn_with_the_instrument():
    truth = truth_of(scene_of(1, angle=np.pi / 2, end=(70, 50)))
    assert truth.jaws[0][1] == pytest.approx((70, 78), abs=1.1)
    assert truth.shaft[0] == pytest.approx((70, 0), abs=0.01)  # cut at the border


def test_tip_of_two_jaws_is_in_the_middle_between_theirs():
    truth = truth_of(scene_of(2, angle=0.0, end=(70, 40), opening=1.0))
    tips = sorted(tip for _, tip in truth.jaws)
    reach, rise = 20 * np.cos(0.5), 20 * np.sin(0.5)
    assert sorted(tip[1] for tip in tips) == pytest.approx([40 - rise, 40 + rise], abs=1.1)
    assert truth.tip == pytest.approx((78 + reach, 40), abs=1.1)


def test_without_jaws_the_tip_is_the_end_of_the_tube():
    truth = truth_of(scene_of(0, angle=0.0, end=(70, 40)))
    assert truth.jaws == ()
    assert truth.tip == pytest.approx((78, 40), abs=4.1)  # half a width to the side at most


def test_truth_follows_the_camera():
    still = truth_of(scene_of(1, angle=0.0, end=(70, 40)))
    moved = truth_of(scene_of(1, angle=0.0, end=(70, 40), offset=np.array([[10.0, -20.0]])))
    assert np.subtract(moved.tip, still.tip) == pytest.approx((-3, 6), abs=0.02)  # parallax 0.3


def test_who_is_outside_the_picture_is_not_visible():
    truth = truth_of(scene_of(1, angle=0.0, end=(-60, 40)))
    assert not truth.visible
    assert truth.area == 0
    assert not truth.tip_visible
    assert truth.tip[0] < 0


def test_what_is_no_instrument_has_neither_tip_nor_axes():
    scene = scene_of(1, angle=0.0, end=(70, 40))
    patch = Blob(bar(9, 9, 4), np.array([[30.0, 80.0]]), np.zeros(1), np.ones(1), label=1)
    scene.bodies = (patch, *scene.bodies)
    first, second = frame_truth(scene, 0, scene[0][1])
    assert (first.label, first.kind, first.area) == (1, 'object', 81)
    assert first.tip is first.shaft is None
    assert (second.label, second.kind) == (3, 'forceps')


def test_truth_is_ready_for_json():
    truth = truth_of(scene_of(2, angle=0.3, end=(70, 40)))
    again = json.loads(json.dumps(truth.as_dict()))
    assert again['tip'] == list(truth.tip)
    assert again['jaws'][0][0] == list(truth.jaws[0][0])


@pytest.mark.parametrize('seed', range(6))
def test_tips_of_unhidden_instruments_lie_on_their_masks(seed):
    scene = random_scene(np.random.default_rng(seed), 3, 256, kinds=('moving_camera',))
    body = next(body for body in scene.bodies if isinstance(body, Instrument))
    scene.bodies = (body,)
    labels = scene[2][1]
    (truth,) = frame_truth(scene, 2, labels)
    assert truth.area == (labels == body.label).sum()
    rows, columns = np.nonzero(labels == body.label)
    tips = [tip for _, tip in truth.jaws] or [truth.tip]
    for x, y in tips:
        if 2 <= x < 254 and 2 <= y < 254:
            assert np.hypot(columns - x, rows - y).min() < 2
            assert truth.tip_visible
