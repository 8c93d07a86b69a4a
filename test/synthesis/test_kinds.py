# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A kind that is named occurs, one that is not named does not, and hard kinds are what they say."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from surgsam2_ros.synthesis import (
    ALL_KINDS,
    EVERYDAY_KINDS,
    HARD_KINDS,
    frame_truth,
    random_scene,
    render_clip,
)
from surgsam2_ros.synthesis.blobs import Blob
from surgsam2_ros.synthesis.instruments import Instrument
from surgsam2_ros.synthesis.kinds import draw_kinds
from surgsam2_ros.synthesis.laparoscopy import SCENE_KINDS, render_scene
from surgsam2_ros.synthesis.scene import Scene

FRAMES = 8


def instruments(scene: Scene) -> list[Instrument]:
    return [body for body in scene.bodies if isinstance(body, Instrument)]


def shares_a_design(scene: Scene) -> bool:
    return len({id(body.design) for body in instruments(scene)}) < len(instruments(scene))


def draws_back(scene: Scene) -> bool:
    return any(
        np.ptp(body.motion.depth) > 100 * scene.shape[0] / 256 for body in instruments(scene)
    )


def has_black_shafts_alone(scene: Scene) -> bool:
    pixels = [body.design.shaft.pixels for body in instruments(scene)]
    return all(np.median(shaft[shaft[..., 3] == 1][:, :3]) < 45 for shaft in pixels)


SIGNS = {
    'look_alikes': shares_a_design,
    'leaving': draws_back,
    'tissue_in_front': lambda scene: (
        isinstance(scene.bodies[-1], Blob) and scene.bodies[-1].label == 0
    ),
    'moving_camera': lambda scene: scene.camera.offset.any(),
    'breathing': lambda scene: scene.breathing is not None,
    'smoke': lambda scene: scene.optics.smoke is not None,
    'changing_light': lambda scene: np.ptp(scene.optics.exposure) > 0,
    'blood': lambda scene: any(body.lies_on_ground for body in scene.bodies),
    'black_shafts': has_black_shafts_alone,
    'wet_tissue': lambda scene: scene.glints is not None,
    'lens_dirt': lambda scene: len(scene.optics.dirt) > 0,
    'glare': lambda scene: scene.optics.glare is not None,
    'motion_blur': lambda scene: scene.optics.shake.any(),
    'noise': lambda scene: scene.optics.grain > 5,
    'low_contrast': lambda scene: np.ptp(scene.optics.tone.astype(int)) < 180,
    'grey': lambda scene: scene.optics.saturation == 0,
    'compression': lambda scene: scene.optics.jpeg_quality > 0,
    'interlacing': lambda scene: scene.optics.field_delay > 0,
    'round_view': lambda scene: scene.optics.view is not None,
    'framed_view': lambda scene: scene.optics.view is not None,
    'thick_smoke': lambda scene: scene.optics.smoke is not None,
    'failing_light': lambda scene: np.ptp(scene.optics.exposure) > 0.3,
    'crossing_look_alikes': lambda scene: shares_a_design(scene) and len(scene.bodies) >= 3,
    'leave_and_return': draws_back,
}


@pytest.mark.parametrize('kind', sorted(SIGNS))
def test_leading_kind_occurs_for_certain(kind):
    for seed in range(4):
        scene = random_scene(np.random.default_rng(seed), FRAMES, 64, kinds=(kind,))
        assert scene.kinds == (kind,)
        assert SIGNS[kind](scene), seed


def test_every_kind_but_plain_has_a_sign():
    assert sorted([*SIGNS, 'plain']) == sorted(ALL_KINDS)


def test_nothing_occurs_that_is_not_named():
    for seed in range(12):
        scene = random_scene(np.random.default_rng(seed), FRAMES, 64, kinds=('plain',))
        shown = {kind for kind, sign in SIGNS.items() if sign(scene)}
        assert not shown - {'black_shafts'}, seed  # some shafts are black in any clip


def test_hard_kinds_are_held_out_unless_named():
    rng = np.random.default_rng(0)
    drawn = {kind for _ in range(400) for kind in draw_kinds(rng, EVERYDAY_KINDS)}
    assert drawn == set(EVERYDAY_KINDS)
    assert not drawn & set(HARD_KINDS)
    default = render_clip(np.random.default_rng(5), 2, 64)
    named = render_clip(np.random.default_rng(5), 2, 64, kinds=EVERYDAY_KINDS)
    assert np.array_equal(default[0], named[0])


def test_all_kinds_lead_and_hard_ones_come_alone_among_the_hard():
    rng = np.random.default_rng(0)
    drawn = [draw_kinds(rng, ALL_KINDS) for _ in range(800)]
    assert {kinds[0] for kinds in drawn} == set(ALL_KINDS)
    assert all(len(kinds) == len(set(kinds)) for kinds in drawn)
    assert all(len(set(kinds) & set(HARD_KINDS)) <= 1 for kinds in drawn)
    hard = np.mean([kinds[0] in HARD_KINDS for kinds in drawn])
    assert abs(hard - 8 / 32) < 0.05  # 4 hard of weight 2, plain of weight 4, 20 others of weight 1


@pytest.mark.parametrize(
    ('kinds', 'reason'),
    [(('fog', 'smoke'), "unknown kinds of clip.*'fog'.*thick_smoke"), ((), 'sequence of names')],
)
def test_wrong_kinds_are_refused_with_the_names_to_choose_of(kinds, reason):
    with pytest.raises(ValueError, match=reason):
        render_clip(np.random.default_rng(0), 2, 64, kinds=kinds)
    with pytest.raises(ValueError, match='sequence of names'):
        render_clip(np.random.default_rng(0), 2, 64, kinds='smoke')


@pytest.mark.parametrize('seed', range(5))
def test_who_leaves_and_returns_is_there_then_wholly_away_then_there(seed):
    rng = np.random.default_rng(seed)
    _, labels = render_clip(rng, 12, 64, kinds=('leave_and_return',))
    areas = (labels == 1).sum(axis=(1, 2))
    away = np.flatnonzero(areas == 0)
    assert areas[0] >= 0.002 * 64 * 64
    assert len(away) >= 2
    assert (np.diff(away) == 1).all()
    assert areas[away[-1] + 1 :].max() > 0.002 * 64 * 64


@pytest.mark.parametrize('seed', range(4))
def test_three_look_alikes_are_seen_at_first_and_cover_each_other_later(seed):
    rng = np.random.default_rng(seed)
    while True:
        scene = random_scene(rng, FRAMES, 64, kinds=('crossing_look_alikes',))
        if (np.bincount(scene[0][1].ravel(), minlength=4)[1:4] > 8).all():
            break
    hidden = 0
    for frame in range(1, FRAMES):
        seen = scene[frame][1]
        for body in instruments(scene):
            alone = Scene(
                scene.background,
                [body],
                scene.camera,
                scene.optics,
                scene.shape,
                FRAMES,
                scene.shadows,
            )
            whole = alone[frame][1] == body.label
            hidden = max(hidden, int((whole & (seen != body.label)).sum()))
    assert hidden > 10


@pytest.mark.parametrize('seed', range(4))
def test_thick_smoke_takes_half_of_the_contrast_or_more_away_for_a_while(seed):
    scene = random_scene(np.random.default_rng(seed), 12, 64, kinds=('thick_smoke',))
    shown = []  # share of the light that comes through
    for frame in range(12):
        black, white = (np.full((64, 64, 3), level, np.float32) for level in (0, 255))
        scene.optics.smoke.apply(black, frame)
        scene.optics.smoke.apply(white, frame)
        shown.append((white - black).mean() / 255)
    assert min(shown) < 0.5
    assert min(shown) > 0.1
    assert max(shown) - min(shown) > 0.1


@pytest.mark.parametrize('seed', range(4))
def test_failing_light_leaves_less_than_half(seed):
    scene = random_scene(np.random.default_rng(seed), 12, 64, kinds=('failing_light',))
    assert scene.optics.exposure.min() < 0.5 * scene.optics.exposure.max()
    assert scene.optics.exposure.min() >= 0.16


def around(mask: np.ndarray, pixels: int) -> np.ndarray:
    """Dilate a bool mask."""
    side = 2 * pixels + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0


@pytest.mark.parametrize('seed', range(6))
def test_black_shafts_are_darker_than_the_tissue_around_them(seed):
    scene = random_scene(np.random.default_rng(seed), 1, 128, kinds=('black_shafts',))
    picture, labels = scene[0]
    shafts = np.zeros((128, 128), np.uint8)
    for entry in frame_truth(scene, 0, labels):
        ends = [tuple(round(value) for value in point) for point in entry.shaft]
        cv2.line(shafts, *ends, entry.label)
    shafts = (shafts > 0) & (shafts == labels)
    tissue = around(shafts, 12) & (labels == 0)
    assert shafts.sum() > 10
    brightness = picture.max(axis=2)  # dark red tissue has little else
    assert np.median(brightness[shafts]) < 0.8 * np.median(brightness[tissue])


@pytest.mark.parametrize('seed', range(3))
def test_wet_tissue_has_many_highlights_as_bright_as_the_metal_before_it(seed):
    dry = render_scene(seed, 1, size=(96, 128))
    wet = render_scene(seed, 1, size=(96, 128), kinds=('wet_tissue',))
    (clean, labels), (glinting, same) = dry[0], wet[0]
    assert np.array_equal(labels, same)
    inside = ~around(labels == 0, 3)
    assert np.array_equal(clean[inside], glinting[inside])  # they lie on the tissue alone
    metal = np.quantile(clean.min(axis=2)[labels > 0], 0.9)
    bright = [(picture.min(axis=2)[labels == 0] >= metal).mean() for picture in (clean, glinting)]
    assert bright[1] > bright[0] + 0.003


def test_wet_highlights_keep_to_the_lamp_more_than_to_the_tissue():
    glints = random_scene(np.random.default_rng(0), 1, 64, kinds=('wet_tissue',)).glints
    pictures = [np.full((64, 64, 3), 120, np.float32) for _ in range(2)]
    glints.add(pictures[0], np.zeros(2))
    glints.add(pictures[1], np.array([20.0, 0.0]))
    shift = round(20 * glints.share)  # to the left, as the tissue does, but less
    assert 0 < shift < 20
    seen = [picture[..., 0] - 120 for picture in pictures]
    errors = [np.abs(seen[1][:, 40:] - seen[0][:, 40 - x : 64 - x]).sum() for x in range(21)]
    assert abs(int(np.argmin(errors)) - shift) <= 1


@pytest.mark.parametrize('seed', range(4))
def test_low_contrast_leaves_at_most_two_thirds_of_the_spread(seed):
    clean, faded = (
        render_scene(seed, 1, size=(96, 128), kinds=kinds)[0][0]
        for kinds in ((), ('low_contrast',))
    )
    assert faded.std() < 0.67 * clean.std()
    assert np.ptp(faded.astype(int)) < 0.67 * 255


@pytest.mark.parametrize('others', [(), ('noise', 'compression'), ('glare', 'lens_dirt', 'blood')])
def test_grey_pictures_have_equal_channels_whatever_else_they_show(others):
    picture, _ = render_scene(1, 1, size=(96, 128), kinds=('grey', *others))[0]
    assert np.array_equal(picture[..., 0], picture[..., 1])
    assert np.array_equal(picture[..., 0], picture[..., 2])
    assert picture.std() > 10


@pytest.mark.parametrize('kind', SCENE_KINDS)
def test_trouble_changes_how_a_long_scene_looks_and_not_what_happens_in_it(kind):
    clean = render_scene(2, 6, size=(64, 80))
    troubled = render_scene(2, 6, size=(64, 80), kinds=(kind,))
    for ours, theirs in zip(clean.bodies, troubled.bodies[-2:], strict=True):
        assert np.array_equal(ours.motion.angle, theirs.motion.angle)
        assert ours.design.kind == theirs.design.kind
    if kind not in ('blood', 'motion_blur'):  # which may leave a small picture as it is
        pictures = [clean[i][0].astype(int) - troubled[i][0] for i in range(1, 6)]
        assert np.abs(pictures).max() > 8
    if kind not in ('round_view', 'framed_view', 'interlacing'):
        assert np.array_equal(clean[3][1], troubled[3][1])
