# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Training clips are exact in form, seeded, and varied."""

from __future__ import annotations

import numpy as np
import pytest

from surgsam2_ros.synthesis import render_clip
from surgsam2_ros.synthesis.clips import random_scene
from surgsam2_ros.synthesis.instruments import KINDS, Instrument


@pytest.mark.parametrize(('frames', 'size'), [(1, 64), (3, 96), (2, 160)])
def test_clip_has_the_promised_shapes_and_types(frames, size):
    images, labels = render_clip(np.random.default_rng(0), frames, size)
    assert images.shape == (frames, size, size, 3)
    assert labels.shape == (frames, size, size)
    assert images.dtype == labels.dtype == np.uint8


def test_equal_generator_states_give_equal_clips():
    first = render_clip(np.random.default_rng(7), 3, 96)
    second = render_clip(np.random.default_rng(7), 3, 96)
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


def test_different_seeds_and_successive_clips_differ():
    rng = np.random.default_rng(7)
    clips = [render_clip(rng, 1, 64)[0], render_clip(rng, 1, 64)[0]]
    clips.append(render_clip(np.random.default_rng(8), 1, 64)[0])
    for index, clip in enumerate(clips):
        for other in clips[:index]:
            assert np.abs(clip.astype(int) - other).mean() > 5


@pytest.mark.parametrize('seed', range(12))
def test_every_clip_starts_with_a_visible_object_and_has_at_most_four(seed):
    _, labels = render_clip(np.random.default_rng(seed), 2, 96)
    areas = np.bincount(labels[0].ravel(), minlength=2)
    assert areas[1:].max() >= 0.002 * 96 * 96
    assert labels.max() <= 4


def test_global_numpy_randomness_is_neither_used_nor_touched():
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    first = render_clip(np.random.default_rng(1), 1, 64)
    assert np.array_equal(before, np.random.get_state()[1])
    np.random.seed(4)
    second = render_clip(np.random.default_rng(1), 1, 64)
    assert np.array_equal(first[0], second[0])


def test_clips_hold_every_kind_of_trouble():
    rng = np.random.default_rng(0)
    scenes = [random_scene(rng, 4, 64) for _ in range(80)]
    kinds = {
        body.design.kind
        for scene in scenes
        for body in scene.bodies
        if isinstance(body, Instrument)
    }
    assert kinds == set(KINDS)
    troubles = {
        'smoke': [scene.optics.smoke is not None for scene in scenes],
        'round view': [scene.optics.view is not None for scene in scenes],
        'compression': [scene.optics.jpeg_quality > 0 for scene in scenes],
        'motion blur': [bool(scene.optics.shake.any()) for scene in scenes],
        'still camera': [not scene.camera.offset.any() for scene in scenes],
        'moving camera': [bool(scene.camera.offset.any()) for scene in scenes],
        'look-alikes': [has_look_alikes(scene) for scene in scenes],
        'something in front': [scene.bodies[-1].label == 0 for scene in scenes],
        'several objects': [sum(body.label > 0 for body in scene.bodies) > 1 for scene in scenes],
    }
    for name, present in troubles.items():
        assert 0.03 < np.mean(present) < 0.95, name


def has_look_alikes(scene) -> bool:
    designs = [body.design for body in scene.bodies if isinstance(body, Instrument)]
    return len(set(map(id, designs))) < len(designs)


def test_labels_of_a_scene_are_consecutive_from_one():
    rng = np.random.default_rng(2)
    for _ in range(20):
        labels = sorted(body.label for body in random_scene(rng, 2, 64).bodies if body.label)
        assert labels == list(range(1, len(labels) + 1))


def test_some_objects_leave_and_return():
    rng = np.random.default_rng(3)
    left, returned = 0, 0
    for _ in range(12):
        _, labels = render_clip(rng, 12, 64, kinds=('leaving',))
        for label in range(1, labels.max() + 1):
            visible = (labels == label).sum(axis=(1, 2)) > 8
            gone = np.flatnonzero(~visible)
            if visible[0] and len(gone):
                left += 1
                returned += bool(visible[gone[0] :].any())
    assert left >= 3
    assert returned >= 1


def test_look_alike_instruments_share_their_design_but_not_their_motion():
    rng = np.random.default_rng(4)
    while True:
        scene = random_scene(rng, 4, 64)
        if has_look_alikes(scene):
            break
    tools = [body for body in scene.bodies if isinstance(body, Instrument)]
    paths = [tool.motion.angle for tool in tools]
    assert len({tool.label for tool in tools}) == len(tools)
    assert not np.array_equal(paths[0], paths[-1])
