# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Articulated tools hang together, bend, open and glint; hollows are dark and the rest is not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from surgsam2_ros.synthesis.composing import Cutout, Material, Tissue, compose_clip
from surgsam2_ros.synthesis.composing import clips as clips_module
from surgsam2_ros.synthesis.composing.articulated import articulated_tool
from surgsam2_ros.synthesis.composing.grounds import sharpened, with_hollows
from surgsam2_ros.synthesis.composing.layers import lay_over
from surgsam2_ros.synthesis.composing.machined import WINDOW_ALPHA, machined_faces, window
from surgsam2_ros.synthesis.composing.paths import ToolPath

SHAPE = (200.0, 260.0)
TISSUE = np.array([150.0, 60.0, 50.0])


def probe() -> Cutout:
    """Cut out a straight probe with a handle that is wider than its end."""
    alpha = np.zeros((60, 300), np.uint8)
    alpha[10:50, 10:100] = alpha[22:38, 100:290] = 255
    return Cutout(np.full((60, 300, 3), 160, np.uint8), alpha)


def still_path(frames: int) -> ToolPath:
    """Rest with the working end in the middle of the scene, the shaft to the left."""
    return ToolPath(np.full((frames, 2), (130.0, 100.0)), np.zeros(frames), np.ones(frames))


def draw(seed: int, frames: int = 12, *, grey: bool = False, machined: float = 0.0) -> list:
    looks = {'tissue': TISSUE, 'softness': 0.5, 'grey': grey, 'machined': machined}
    rng = np.random.default_rng(seed)
    return articulated_tool(rng, still_path(frames), [probe()], SHAPE, 3, **looks)


def seen(bodies: list, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Lay the parts over a green ground: image float32 and labels uint8 [200, 260]."""
    image = np.full((200, 260, 3), (0, 200, 0), np.float32)
    labels = np.zeros((200, 260), np.uint8)
    for body in bodies:
        matrix = body.path.matrix(frame, body.tip)[:2]
        lay_over(image, labels, body.looks(frame), matrix, body.label)
    return image, labels


@pytest.mark.parametrize('machined', [0.0, 1.0])
@pytest.mark.parametrize('frame', [0, 6, 11])
def test_the_parts_are_one_object_in_one_piece(frame, machined):
    for seed in range(20):
        _, labels = seen(draw(seed, machined=machined), frame)
        assert set(np.unique(labels)) == {0, 3}
        count, pieces = cv2.connectedComponents((labels == 3).astype(np.uint8))
        sizes = np.bincount(pieces.ravel(), minlength=count)[1:]
        assert sizes.max() > 0.98 * sizes.sum(), seed
        assert (labels[:, 0] == 3).any(), 'the shaft comes in through the border'


def test_wrists_bend_while_the_path_rests():
    moved = []
    for seed in range(12):
        bodies = draw(seed)
        first, last = seen(bodies, 0)[1], seen(bodies, 11)[1]
        moved.append(np.count_nonzero(first != last) / np.count_nonzero(first))
    assert np.median(moved) > 0.05
    assert max(moved) < 1.0, 'the shaft rests'


def test_the_working_end_is_where_the_path_leads():
    away = []  # the bent wrist takes it aside
    for seed in range(20):
        _, labels = seen(draw(seed), 0)
        rows, columns = np.nonzero(labels)
        away.append(np.hypot(rows - 100, columns - 130).min())
    assert np.median(away) < 15
    assert max(away) < 60


def test_reflexes_change_and_nothing_else():
    for seed in range(6):
        for body in draw(seed):
            assert np.array_equal(body.pixels[..., 3], body.other[..., 3])
            assert not np.array_equal(body.pixels, body.other)
            assert np.all((body.mix >= 0) & (body.mix <= 1))
            between = body.looks(5).astype(int)
            low = np.minimum(body.pixels, body.other).astype(int) - 1
            high = np.maximum(body.pixels, body.other).astype(int) + 1
            assert np.all((between >= low) & (between <= high))


def test_grey_tools_have_no_colour():
    for body in draw(4, grey=True):
        assert np.ptp(body.pixels[..., :3].astype(int), axis=2).max() == 0


def test_a_share_of_the_tools_is_articulated():
    red = Tissue(np.full((200, 200, 3), (150, 20, 20), np.uint8))
    parts = {}
    for share in (0.0, 1.0):
        material = Material([probe()], [red], articulated=share)
        scenes = [
            clips_module._tissue_scene(np.random.default_rng(seed), 2, 96, material)
            for seed in range(10)
        ]
        parts[share] = [body.other is not None for s in scenes for body in s.bodies if body.label]
    assert not any(parts[0.0])
    assert all(parts[1.0])


def test_a_piece_takes_the_place_of_all_parts_of_a_tool():
    red = Tissue(np.full((200, 200, 3), (150, 20, 20), np.uint8))
    material = Material([probe()], [red], articulated=1.0, pieces=0.5)
    kinds = set()
    for seed in range(15):
        scene = clips_module._tissue_scene(np.random.default_rng(seed), 2, 96, material)
        parts = {}
        for body in scene.bodies:
            if body.label:
                parts.setdefault(body.label, []).append(body.other is not None)
        assert list(parts) == list(range(1, len(parts) + 1))
        for jointed in parts.values():
            assert jointed == [False] or (all(jointed) and len(jointed) >= 3)
            kinds.add(jointed[0])
    assert kinds == {False, True}


def test_labels_of_articulated_tools_count_from_one():
    tissue = Tissue(np.random.default_rng(0).integers(80, 200, (200, 200, 3), dtype=np.uint8))
    material = Material([probe()], [tissue], articulated=0.5, grey=1.0, hollows=1.0)
    for seed in range(15):
        scene = clips_module._tissue_scene(np.random.default_rng(seed), 2, 96, material)
        labels = sorted({body.label for body in scene.bodies} - {0})
        assert labels == list(range(1, len(labels) + 1))
        images, _ = compose_clip(np.random.default_rng(seed), 2, 96, material)
        inside = images[:, 40:56, 40:56].astype(int)
        assert np.ptp(inside, axis=3).max() <= 30, 'grey, but for coding'


def test_hollows_are_nearly_black_and_the_rest_is_not_darkened():
    flat = np.full((160, 200, 3), 120, np.uint8)
    darkest = []
    for seed in range(20):
        lit = with_hollows(np.random.default_rng(seed), flat)
        assert lit.shape == flat.shape
        assert lit.dtype == np.uint8
        assert lit.max() >= 119
        darkest.append(int(lit.min()))
    assert np.median(darkest) < 40
    assert flat.min() == 120, 'the picture itself is not changed'


def test_machined_metal_has_more_edges_than_smooth_metal():
    def roughness(machined: float) -> float:
        values = []
        for seed in range(20):
            image, labels = seen(draw(seed, machined=machined), 0)
            grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
            inside = cv2.erode((labels == 3).astype(np.uint8), np.ones((5, 5)), iterations=1) > 0
            values.append(float(np.abs(cv2.Laplacian(grey, cv2.CV_32F))[inside].mean()))
        return float(np.median(values))

    assert roughness(1.0) > 1.5 * roughness(0.0)


def test_faces_are_the_same_in_both_lights_but_for_their_brightness():
    one, other = machined_faces(np.random.default_rng(3), (40, 120), 36.0)
    assert np.array_equal(one == 1, other == 1)
    assert not np.array_equal(one, other)
    assert one.min() >= 0.05
    assert one.max() <= 4


def test_a_window_is_seen_through_and_still_belongs_to_the_tool():
    share = window(np.random.default_rng(0), np.full(100, 30.0), 40)
    assert set(np.unique(share)) == {np.float32(WINDOW_ALPHA), np.float32(1)}
    assert WINDOW_ALPHA * 255 > 127, 'where labels begin, see lay_over'
    assert (share[:, [0, -1]] == 1).all(), 'both ends are closed'
    assert (share[[0, -1]] == 1).all(), 'and both sides'


def test_sharpened_tissue_keeps_its_brightness_and_gains_contrast():
    rng = np.random.default_rng(0)
    noise = cv2.GaussianBlur(rng.integers(60, 200, (160, 200, 3)).astype(np.float32), (0, 0), 2)
    tissue = noise.astype(np.uint8)
    sharp = sharpened(rng, tissue)
    assert abs(float(sharp.mean()) - float(tissue.mean())) < 3
    assert sharp.std() > 1.3 * tissue.std()


def test_tools_leave_as_often_as_is_asked_for():
    tissue = Tissue(np.random.default_rng(0).integers(80, 200, (200, 200, 3), dtype=np.uint8))
    away = {}
    for share in (0.0, 1.0):
        material = Material([probe()], [tissue], leaving=share)
        clips = [compose_clip(np.random.default_rng(seed), 8, 96, material) for seed in range(10)]
        shown = [{*np.unique(labels[0])} - {0} for _, labels in clips]
        away[share] = sum(
            not (frame == label).any()
            for (_, labels), first in zip(clips, shown, strict=True)
            for label in first
            for frame in labels
        )
    assert away[1.0] > 10 + 2 * away[0.0]


def test_all_tools_of_a_scene_are_the_same_one_as_often_as_is_asked_for():
    tissue = Tissue(np.random.default_rng(0).integers(80, 200, (200, 200, 3), dtype=np.uint8))
    for share in (0.0, 1.0):
        material = Material([probe()], [tissue], alike=share)
        several = 0
        for seed in range(10):
            scene = clips_module._tissue_scene(np.random.default_rng(seed), 2, 96, material)
            tools = [body.pixels for body in scene.bodies if body.label]
            several += len(tools) > 1
            kinds = {id(pixels) for pixels in tools}
            assert len(kinds) == (1 if share else len(tools)), seed
        assert several > 3


def test_speckled_scenes_are_sharpened_and_glint():
    tissue = Tissue(np.random.default_rng(0).integers(80, 200, (200, 200, 3), dtype=np.uint8))
    for share in (0.0, 1.0):
        material = Material([probe()], [tissue], speckled=share)
        scenes = [
            clips_module._tissue_scene(np.random.default_rng(seed), 2, 96, material)
            for seed in range(12)
        ]
        glinting = [scene.glints is not None for scene in scenes]
        assert all(glinting) if share else not all(glinting)
