# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Noise, tissue, parts and optics keep to their ranges, and instruments hang together."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from surgsam2_ros.synthesis.designs import (
    WRISTED_KINDS,
    lifelike_design,
    random_design,
    wristed_design,
)
from surgsam2_ros.synthesis.instruments import KINDS, Instrument, Motion
from surgsam2_ros.synthesis.noise import GRAIN_OFFSETS, sensor_grain, value_noise
from surgsam2_ros.synthesis.optics import random_optics, random_smoke
from surgsam2_ros.synthesis.parts import (
    Material,
    bent_part,
    profile_through,
    random_metal,
    random_shaft_material,
    shaded_part,
    stain,
)
from surgsam2_ros.synthesis.sprites import place
from surgsam2_ros.synthesis.tissue import random_tissue


def posed(design, **pose) -> Instrument:
    """Return an instrument in one frame, pointing along x, with its shaft's end at (120, 100)."""
    angles = {'bend': 0.0, 'yaw': 0.0, 'opening': 0.0, 'angle': 0.0, **pose}
    arrays = {name: np.array([value]) for name, value in angles.items()}
    motion = Motion(
        pivot=np.array([[-60.0, 100.0]]),
        depth=np.array([180.0]),
        scale=np.ones(1),
        gain=np.ones(1),
        **arrays,
    )
    return Instrument(design, motion, label=1)


def alpha_of(instrument: Instrument) -> np.ndarray:
    layer = np.zeros((200, 300, 4), np.float32)
    for placement in instrument.placements(0):
        place(layer, placement)
    return layer[..., 3]


@pytest.mark.parametrize('cells', [(1,), (3, 6, 12), (40, 90)])
def test_noise_spans_exactly_zero_to_one(cells):
    field = value_noise(np.random.default_rng(0), (90, 130), cells)
    assert field.shape == (90, 130)
    assert field.dtype == np.float32
    assert field.min() == 0
    assert field.max() == 1


@pytest.mark.parametrize('softness', [0.0, 0.6])
def test_grain_has_unit_variance_and_moves_with_its_offset(softness):
    grain = sensor_grain((64, 80), (0, 0), softness)
    assert grain.shape == (64, 80, 3)
    assert np.isclose(grain.std(), 1, atol=0.05)
    last = GRAIN_OFFSETS - 1
    assert not np.array_equal(grain, sensor_grain((64, 80), (last, last), softness))


@pytest.mark.parametrize('seed', range(5))
def test_tissue_is_finite_colour_in_range(seed):
    image = random_tissue(np.random.default_rng(seed), 120)
    assert image.shape == (120, 120, 3)
    assert image.dtype == np.float32
    assert np.isfinite(image).all()
    assert image.min() >= 0
    assert image.max() <= 255


@pytest.mark.parametrize('seed', range(5))
def test_sprites_are_premultiplied(seed):
    rng = np.random.default_rng(seed)
    material = random_shaft_material(rng)
    sprite = shaded_part(rng, 60, 20, profile_through((0, 1), (1, 0.4)), material)
    colour, alpha = sprite.pixels[..., :3], sprite.pixels[..., 3:]
    assert sprite.pixels.dtype == np.float32
    assert (colour <= 255 * alpha + 1e-3).all()
    assert (colour >= 0).all()
    assert alpha.max() == 1
    assert not alpha[0].any()
    assert not alpha[-1].any()


def test_part_has_the_area_of_its_profile():
    sprite = shaded_part(
        np.random.default_rng(0), 80, 30, profile_through((0, 1), (1, 0.5)), Material((99, 99, 99))
    )
    assert np.isclose(sprite.pixels[..., 3].sum(), 80 * 30 * 0.75, rtol=0.02)


@pytest.mark.parametrize('resolution', [1.0, 2.0, 3.0])
def test_resolution_changes_the_detail_and_not_the_size(resolution):
    rng = np.random.default_rng(0)
    metal = random_metal(rng)
    design = wristed_design(
        np.random.default_rng(1),
        'grasper',
        24,
        300,
        shaft_material=metal,
        tip_material=metal,
        resolution=resolution,
    )
    area = alpha_of(posed(design)).sum()
    single = wristed_design(
        np.random.default_rng(1), 'grasper', 24, 300, shaft_material=metal, tip_material=metal
    )
    assert np.isclose(area, alpha_of(posed(single)).sum(), rtol=0.05)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('seed', range(3))
def test_parts_of_an_instrument_form_one_piece(kind, seed):
    design = random_design(np.random.default_rng(seed), 22, 320, kind)
    for bend in (-0.8, 0.0, 0.8):
        mask = (alpha_of(posed(design, bend=bend, yaw=0.4, opening=0.6)) > 0.5).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        assert stats[1:, cv2.CC_STAT_AREA].max() > 0.97 * mask.sum()


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('seed', range(3))
def test_parts_of_a_lifelike_instrument_form_one_piece(kind, seed):
    design = lifelike_design(np.random.default_rng(seed), kind, 22, 320)
    assert design.kind == kind
    mask = alpha_of(posed(design, bend=0.5, yaw=0.3, opening=0.4)) > 0.5
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    assert stats[1:, cv2.CC_STAT_AREA].max() > 0.97 * mask.sum()


def test_suction_is_a_tube_hook_and_probe_have_one_jaw_and_all_others_two():
    rng = np.random.default_rng(0)
    jaws = {kind: len(lifelike_design(rng, kind, 22, 320).jaws) for kind in KINDS}
    assert jaws.pop('suction') == 0
    assert jaws.pop('hook') == jaws.pop('probe') == 1
    assert set(jaws.values()) == {2}


def test_hook_bends_to_the_side_by_more_than_its_wire():
    for seed in range(5):
        hook = lifelike_design(np.random.default_rng(seed), 'hook', 30, 320).jaws[0]
        rows = np.nonzero((hook.pixels[..., 3] > 0.5).any(axis=1))[0] - hook.anchor[1]
        assert max(-rows.min(), rows.max()) > 0.4 * 30


@pytest.mark.parametrize('resolution', [1.0, 3.0])
def test_bent_rod_has_the_area_of_its_pieces(resolution):
    material = Material((99, 99, 99))
    rng = np.random.default_rng(0)
    rod = bent_part(rng, [(0, 0), (40, 0), (40, 30)], [8, 8, 8], material, resolution)
    straight = 8 * (40 + 30)
    # Round ends add a disc; at the elbow a quarter disc is added and a square counted twice.
    expected = straight + np.pi * 16 + np.pi * 4 - 16
    assert rod.pixels[..., 3].sum() / resolution**2 == pytest.approx(expected, rel=0.02)
    assert rod.pixels[round(rod.anchor[1]), round(rod.anchor[0]), 3] == 1


def test_stain_colours_a_part_red_within_its_outline():
    rng = np.random.default_rng(0)
    part = shaded_part(rng, 60, 20, profile_through((0, 1), (1, 0.8)), Material((150, 150, 150)))
    before = part.pixels.copy()
    stain(rng, part)
    assert np.array_equal(part.pixels[..., 3], before[..., 3])
    changed = np.abs(part.pixels - before).max(axis=2) > 20
    assert 0.05 < changed.sum() / (before[..., 3] > 0).sum() < 0.95
    red, green = part.pixels[changed][:, 0], part.pixels[changed][:, 1]
    assert (red > green).all()


@pytest.mark.parametrize('kind', WRISTED_KINDS)
def test_opening_parts_the_jaws(kind):
    rng = np.random.default_rng(0)
    metal = random_metal(rng)
    design = wristed_design(rng, kind, 24, 320, shaft_material=metal, tip_material=metal)
    spans = []
    for opening in (0.02, 0.8):
        mask = alpha_of(posed(design, opening=opening)) > 0.5
        tip = np.flatnonzero(mask.any(axis=0))[-1]
        spans.append(np.ptp(np.flatnonzero(mask[:, tip - 3])))
    assert spans[1] > spans[0] + 8


def test_shaft_reaches_back_to_the_border_of_the_picture():
    design = random_design(np.random.default_rng(0), 22, 320)
    assert (alpha_of(posed(design))[100, :110] > 0.5).all()


@pytest.mark.parametrize('seed', range(10))
def test_optics_give_pictures_of_any_scene(seed):
    rng = np.random.default_rng(seed)
    optics = random_optics(rng, 4, (48, 64))
    for level in (0.0, 255.0):
        picture = optics.expose(np.full((48, 64, 3), level, np.float32), 3)
        assert picture.shape == (48, 64, 3)
        assert picture.dtype == np.uint8
    if optics.view is not None:
        assert optics.view.any()
        assert (optics.falloff[~optics.view] < 0.51).all()


def test_smoke_drifts_without_a_jump_and_never_hides_everything():
    rng = np.random.default_rng(1)
    smoke = random_smoke(rng, 200, (48, 64))
    previous = None
    for frame in range(200):
        image = np.zeros((48, 64, 3), np.float32)
        smoke.apply(image, frame)
        assert image.max() < smoke.brightness
        if previous is not None:
            assert np.abs(image - previous).mean() < 0.1 * smoke.brightness
        previous = image
