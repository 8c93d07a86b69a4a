# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The laparoscopic scene: instruments at work from the first frame, meeting, leaving, returning."""

from __future__ import annotations

import numpy as np
import pytest

from surgsam2_ros.synthesis import render_scene

SIZE = (96, 120)


def areas_of(scene) -> np.ndarray:
    """Visible share of the picture, [frames, instruments]."""
    count = len(scene.class_names)
    shares = [
        np.bincount(labels.ravel(), minlength=count + 1)[1:] / labels.size for _, labels in scene
    ]
    return np.array(shares)


@pytest.fixture(scope='module')
def ten_seconds():
    scene = render_scene(0, 150, size=SIZE)
    return scene, areas_of(scene)


def test_scene_has_the_promised_form():
    scene = render_scene(1, 5, size=SIZE, instruments=3, rate_hz=25)
    rgb, labels = scene[0]
    assert rgb.shape == (*SIZE, 3)
    assert labels.shape == SIZE
    assert rgb.dtype == labels.dtype == np.uint8
    assert len(scene) == 5
    assert scene.rate_hz == 25
    assert sorted(scene.class_names) == [1, 2, 3]
    assert labels.max() <= 3


def test_equal_seeds_give_equal_scenes_and_others_differ():
    first, second = render_scene(3, 4, size=SIZE), render_scene(3, 4, size=SIZE)
    other = render_scene(4, 4, size=SIZE)
    for (rgb, labels), (same_rgb, same_labels) in zip(first, second, strict=True):
        assert np.array_equal(rgb, same_rgb)
        assert np.array_equal(labels, same_labels)
    assert not np.array_equal(first[0][0], other[0][0])


@pytest.mark.parametrize('instruments', [1, 2, 3, 4])
def test_all_instruments_are_well_visible_in_the_first_frame(instruments):
    for seed in range(3):
        first = render_scene(seed, 1, size=SIZE, instruments=instruments)[0][1]
        areas = np.bincount(first.ravel(), minlength=instruments + 1)[1:]
        assert (areas > 0.01 * first.size).all()


def test_instruments_are_visible_nearly_all_the_time(ten_seconds):
    visible = (ten_seconds[1] > 0.005).mean(axis=0)
    assert visible[0] == 1
    assert visible[1] > 0.8


def test_second_instrument_leaves_once_and_returns(ten_seconds):
    gone = ten_seconds[1][:, 1] < 0.002
    assert gone.any()
    assert np.diff(gone.astype(int)).tolist().count(1) == 1
    assert not gone[-10:].any()


def test_instruments_overlap_at_some_time(ten_seconds):
    scene, _ = ten_seconds
    hidden = 0
    lower = scene.bodies[0]
    alone = type(scene)(
        scene.background,
        [lower],
        scene.camera,
        scene.optics,
        scene.shape,
        len(scene),
        scene.shadows,
    )
    for frame in range(40, 100, 3):
        whole = (alone[frame][1] == lower.label).sum()
        seen = (scene[frame][1] == lower.label).sum()
        hidden = max(hidden, 1 - seen / whole)
    assert hidden > 0.03


def test_motion_is_smooth(ten_seconds):
    scene, _ = ten_seconds
    for body in scene.bodies:
        joints = np.array([[*list(body.placements(frame))[-1][1:3]] for frame in range(len(scene))])
        steps = np.diff(joints, axis=0)
        assert np.abs(steps).max() < 0.08 * SIZE[1]
        assert np.abs(np.diff(steps, axis=0)).max() < 0.03 * SIZE[1]


def test_jaws_open_and_close(ten_seconds):
    for body in ten_seconds[0].bodies:
        assert body.motion.opening.min() >= 0
        assert np.ptp(body.motion.opening) > 0.2


def test_rate_sets_how_far_things_move_between_frames():
    fast, slow = (render_scene(0, 60, size=SIZE, rate_hz=rate) for rate in (5, 60))
    steps = [np.abs(np.diff(scene.bodies[0].motion.angle)).mean() for scene in (fast, slow)]
    assert steps[0] > 3 * steps[1]


@pytest.mark.parametrize(
    ('options', 'reason'),
    [
        ({'instruments': 0}, '0 instruments'),
        ({'instruments': 5}, '5 instruments'),
        ({'size': (20, 640)}, 'size'),
        ({'size': (512, 9000)}, 'size'),
        ({'frames': 0}, '0 frames'),
        ({'rate_hz': 0}, 'rate 0'),
    ],
)
def test_impossible_scenes_are_refused_with_the_reason(options, reason):
    arguments = {'seed': 0, 'frames': 2, 'size': SIZE, **options}
    with pytest.raises(ValueError, match=reason):
        render_scene(**arguments)
