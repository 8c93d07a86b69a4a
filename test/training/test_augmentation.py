# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures that show their own labels stay that way, and colours change by what was asked for."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from surgsam2_ros.training.augmentation import (
    FILL,
    Augmentation,
    augment,
    change_colours,
    jitter,
    resize,
    wander,
)

PALETTE = np.array(
    # Background looks like what lies beyond the picture.
    [np.round(np.array(FILL) * 255), (250, 20, 20), (20, 240, 30), (20, 30, 250)],
    np.uint8,
)
MOVES = {
    'hflip': {'hflip': 1.0},
    'vflip': {'vflip': 1.0},
    'transpose': {'transpose': 1.0},
    'rotation': {'degrees': 60.0},
    'shear': {'shear': 20.0},
    'recipe': {'hflip': 0.5, 'degrees': 25.0, 'shear': 20.0},
    'wander': {'wander': 1.0},
    'all': {
        'hflip': 0.5,
        'vflip': 0.5,
        'transpose': 0.5,
        'degrees': 25.0,
        'shear': 20.0,
        'wander': 0.5,
    },
}


def moving_shapes(frames: int = 4, height: int = 100, width: int = 140) -> np.ndarray:
    """Label images uint8 [T, H, W] of a disc, a bar and a triangle that move."""
    labels = np.zeros((frames, height, width), np.uint8)
    for index, frame in enumerate(labels):
        cv2.circle(frame, (45 + 3 * index, 50), 18, 1, -1)
        cv2.line(frame, (85, 15), (110, 60 + 4 * index), 2, 9)
        corners = np.array([[60, 90], [100, 95], [75 + 2 * index, 68]])
        cv2.fillPoly(frame, [corners], 3)
    return labels


def read_from_picture(rgb: np.ndarray) -> np.ndarray:
    """Labels uint8 [..., H, W] whose palette colours are nearest to the picture's."""
    distance = np.abs(rgb[..., None, :].astype(int) - PALETTE.astype(int)).sum(axis=-1)
    return distance.argmin(axis=-1).astype(np.uint8)


def inside(labels: np.ndarray, margin: int) -> np.ndarray:
    """Pixels bool [T, H, W] whose neighbourhood has one label, where interpolation blends none."""
    kernel = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
    return np.stack([cv2.dilate(f, kernel) == cv2.erode(f, kernel) for f in labels])


@pytest.mark.parametrize('name', MOVES)
@pytest.mark.parametrize('size', [64, 160], ids=['smaller', 'larger'])
def test_picture_and_labels_stay_aligned(name, size):
    labels = moving_shapes()
    shifts = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        moved, ids = augment(PALETTE[labels], labels, size, Augmentation(**MOVES[name]), rng)
        assert moved.shape == (4, size, size, 3)
        assert moved.dtype == ids.dtype == np.uint8
        shown = read_from_picture(moved)
        sure = inside(ids, 2)
        assert sure.mean() > 0.4
        assert (shown == ids)[sure].mean() > 0.999
        for drawn, marked in zip(shown, ids, strict=True):
            for value in (1, 2, 3):
                if (marked == value).sum() > 60 and not touches_edge(marked == value):
                    shifts.append(centre(drawn == value) - centre(marked == value))
    # Edges are torn by a fraction of a pixel here and there, but to no side.
    assert len(shifts) > 20
    assert np.abs(np.mean(shifts, axis=0)).max() < 0.2


def centre(mask: np.ndarray) -> np.ndarray:
    return np.argwhere(mask).mean(axis=0)


def touches_edge(mask: np.ndarray) -> bool:
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def test_resizing_shifts_neither_picture_nor_labels():
    labels = np.zeros((1, 300, 500), np.uint8)
    labels[0, 100:200, 150:400] = 1
    for shape in ((75, 90), (64, 64), (450, 620)):
        rgb, ids = resize(np.repeat(labels[..., None] * 255, 3, axis=3), labels, shape)
        rows, columns = np.indices(shape)
        weight = rgb[0, ..., 0] / rgb[0, ..., 0].sum(dtype=float)
        for marked, expected in (
            ((ids[0] * rows).sum() / ids.sum(), (149.5 + 0.5) / 300 * shape[0] - 0.5),
            ((ids[0] * columns).sum() / ids.sum(), (274.5 + 0.5) / 500 * shape[1] - 0.5),
            ((weight * rows).sum(), 150 / 300 * shape[0] - 0.5),
            ((weight * columns).sum(), 275 / 500 * shape[1] - 0.5),
        ):
            assert marked == pytest.approx(expected, abs=0.51)


def test_an_affine_map_that_does_nothing_puts_every_pixel_where_resizing_does():
    labels = moving_shapes(1)
    still = Augmentation(degrees=1e-6)
    for size in (64, 200):  # without pixels half-way between two others
        expected = resize(PALETTE[labels], labels, (size, size))[1]
        _, ids = augment(PALETTE[labels], labels, size, still, np.random.default_rng(0))
        assert (ids == expected).mean() > 0.985
        for value in (1, 2, 3):
            shift = centre(ids[0] == value) - centre(expected[0] == value)
            assert np.abs(shift).max() < 0.2


def test_an_affine_map_is_the_same_for_all_frames():
    still = np.repeat(moving_shapes(1), 5, axis=0)
    augmentation = Augmentation(hflip=0.5, vflip=0.5, transpose=0.5, degrees=25, shear=20)
    for seed in range(5):
        rgb, ids = augment(PALETTE[still], still, 96, augmentation, np.random.default_rng(seed))
        assert (ids == ids[:1]).all()
        assert (rgb == rgb[:1]).all()


def test_a_rotation_turns_squares_as_squares_whatever_the_aspect_ratio():
    """The angle between two bars is kept before the picture is squeezed into a square."""
    labels = np.zeros((1, 120, 240), np.uint8)
    labels[0, 30:90, 90:150] = 1  # a square of 60 px
    areas, widths = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        _, ids = augment(PALETTE[labels], labels, 120, Augmentation(degrees=90), rng)
        corners = np.argwhere(ids[0] == 1) * np.array([1.0, 2.0])  # stretched back
        (_, _), sides, _ = cv2.minAreaRect(corners.astype(np.float32))
        widths.append(sides)
        areas.append((ids == 1).sum())
    assert np.ptp(widths) < 8
    np.testing.assert_allclose(widths, 60, atol=6)
    np.testing.assert_allclose(areas, 60 * 30, rtol=0.06)


def test_rotations_reach_the_largest_angle_on_both_sides_and_no_further():
    labels = np.zeros((1, 101, 101), np.uint8)
    labels[0, 49:52, 10:91] = 1
    angles = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        _, ids = augment(PALETTE[labels], labels, 101, Augmentation(degrees=25), rng)
        rows, columns = np.nonzero(ids[0])
        angles.append(np.degrees(np.arctan(np.polyfit(columns, rows, 1)[0])))
    assert -26 < min(angles) < -20
    assert 20 < max(angles) < 26


def test_a_shear_slants_by_at_most_its_angle():
    """A shear about the middle keeps the middle, and each axis slants by its own angle."""
    labels = np.zeros((2, 201, 201), np.uint8)
    labels[0, 99:102, 70:131] = 1
    labels[1, 70:131, 99:102] = 1
    slants = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        _, ids = augment(PALETTE[labels], labels, 201, Augmentation(shear=20), rng)
        rows, columns = np.nonzero(ids[0])
        level = np.degrees(np.arctan(np.polyfit(columns, rows, 1)[0]))
        rows, columns = np.nonzero(ids[1])
        upright = np.degrees(np.arctan(np.polyfit(rows, columns, 1)[0]))
        slants.append((level, upright))
    # One of the two is applied after the other, which adds a little to its slant.
    assert np.abs(slants).max() < 23
    assert (np.abs(slants).max(axis=0) > 15).all()
    assert np.abs(np.corrcoef(np.array(slants).T)[0, 1]) < 0.5, 'both axes share one draw'


def test_beyond_the_picture_there_is_grey_and_no_object():
    labels = np.ones((1, 80, 80), np.uint8)
    white = np.full((1, 80, 80, 3), 255, np.uint8)
    found = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        rgb, ids = augment(white, labels, 80, Augmentation(degrees=45), rng)
        outside = cv2.erode((ids[0] == 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        found += outside.sum()
        assert (np.abs(rgb[0][outside] - PALETTE[0].astype(int)) <= 1).all()
    assert found > 0


def test_equal_seeds_give_equal_clips_and_others_do_not():
    labels = moving_shapes()
    augmentation = Augmentation(
        hflip=0.5, degrees=25, shear=20, clip_brightness=0.1, frame_contrast=0.2, colours=1.0
    )

    def run(seed):
        return augment(PALETTE[labels], labels, 64, augmentation, np.random.default_rng(seed))

    for one, other in zip(run(3), run(3), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (run(3)[0] != run(4)[0]).any()


def test_without_any_augmentation_a_clip_of_the_right_size_is_untouched():
    labels = moving_shapes(height=64, width=64)
    rgb, ids = augment(PALETTE[labels], labels, 64, Augmentation(), np.random.default_rng(0))
    np.testing.assert_array_equal(rgb, PALETTE[labels])
    np.testing.assert_array_equal(ids, labels)


# Colours


def brightness_factors(augmentation: Augmentation, seed: int) -> np.ndarray:
    frames = np.full((6, 8, 8, 3), 100, np.uint8)
    return jitter(frames, augmentation, np.random.default_rng(seed))[:, 0, 0, 0] / 100


def test_brightness_changes_by_one_factor_per_clip():
    factors = np.stack(
        [brightness_factors(Augmentation(clip_brightness=0.3), seed) for seed in range(50)]
    )
    assert (factors == factors[:, :1]).all()
    assert 0.7 <= factors.min() < 0.75
    assert 1.25 < factors.max() <= 1.3


def test_brightness_changes_by_a_factor_of_its_own_per_frame():
    factors = np.stack(
        [brightness_factors(Augmentation(frame_brightness=0.3), seed) for seed in range(50)]
    )
    assert (np.ptp(factors, axis=1) > 0.05).all()
    assert 0.7 <= factors.min() < 0.75
    assert 1.25 < factors.max() <= 1.3


@pytest.mark.parametrize('field', ['clip_contrast', 'frame_contrast'])
def test_contrast_stretches_about_the_mean_brightness(field):
    frames = np.full((3, 8, 8, 3), 80, np.uint8)
    frames[:, :, 4:] = 160  # mean 120
    factors = []
    for seed in range(40):
        changed = jitter(frames, Augmentation(**{field: 0.5}), np.random.default_rng(seed))
        np.testing.assert_allclose(changed.mean(axis=(1, 2, 3)), 120, atol=1)
        factors += ((changed[:, 0, 7, 0].astype(int) - changed[:, 0, 0, 0]) / 80).tolist()
    assert 0.48 < min(factors) < 0.6
    assert 1.4 < max(factors) < 1.52


@pytest.mark.parametrize('field', ['clip_saturation', 'frame_saturation'])
def test_saturation_scales_the_distance_from_grey(field):
    colour = np.array([150.0, 100.0, 60.0])
    grey = colour @ [0.299, 0.587, 0.114]  # luma of ITU-R BT.601
    frames = np.broadcast_to(colour.astype(np.uint8), (3, 4, 4, 3))
    factors = []
    for seed in range(40):
        changed = jitter(frames, Augmentation(**{field: 0.5}), np.random.default_rng(seed))
        factor = (changed[:, 0, 0] - grey) / (colour - grey)  # [3 frames, 3 channels]
        assert (np.abs(factor - factor[:, 2:]) < 0.25).all()  # a level is coarse near the luma
        factors += factor[:, 2].tolist()
    assert 0.47 < min(factors) < 0.6
    assert 1.4 < max(factors) < 1.53


def test_grayscale_takes_the_colour_of_some_whole_clips():
    frames = np.broadcast_to(np.array([200, 100, 50], np.uint8), (3, 4, 4, 3))
    clips = [
        jitter(frames, Augmentation(grayscale=0.3), np.random.default_rng(seed))
        for seed in range(200)
    ]
    grey = np.array([(clip == clip[..., :1]).all() for clip in clips])
    coloured = np.array([(clip == frames).all() for clip in clips])
    assert (grey | coloured).all()
    assert 0.2 < grey.mean() < 0.4
    assert clips[int(grey.argmax())][0, 0, 0, 0] == round(200 * 0.299 + 100 * 0.587 + 50 * 0.114)


def test_colours_change_per_clip_and_only_flicker_within_it():
    rng = np.random.default_rng(0)
    frames = np.full((5, 8, 8, 3), (120, 90, 60), np.uint8)
    means = np.stack([change_colours(frames, rng).mean(axis=(2, 3)) for _ in range(40)])
    assert means.std(axis=1).mean() < 0.5 * means[:, 0].std()


def test_changing_colours_leaves_the_labels_alone():
    labels = moving_shapes(height=64, width=64)
    augmentation = Augmentation(
        clip_brightness=0.5, frame_saturation=0.5, grayscale=1.0, colours=1.0
    )
    _, ids = augment(PALETTE[labels], labels, 64, augmentation, np.random.default_rng(1))
    np.testing.assert_array_equal(ids, labels)


def test_a_wandering_camera_can_lose_an_object():
    rng = np.random.default_rng(0)
    labels = np.zeros((12, 64, 64), np.uint8)
    for index in range(12):
        labels[index, 10:30, 20 + index : 44 + index] = 3
    patterns = set()
    for _ in range(200):
        _, moved = wander(PALETTE[labels], labels, rng)
        seen = (moved == 3).any(axis=(1, 2))
        patterns.add((bool(seen[0]), bool(seen.all()), bool(seen[-1])))
    assert (True, False, False) in patterns
    assert (True, True, True) in patterns


# Settings


def test_what_keeps_objects_in_view_moves_none_of_them_out():
    labels = np.zeros((6, 64, 64), np.uint8)
    labels[:, :3, :3] = 1  # a corner that every rotation and most windows lose
    wild = Augmentation(hflip=0.5, vflip=0.5, transpose=0.5, degrees=180, shear=40, wander=1.0)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        _, ids = augment(PALETTE[labels], labels, 64, wild.kept_in_view(), rng)
        assert ((ids == 1).sum(axis=(1, 2)) == 9).all()


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('hflip', 1.5),
        ('hflip', True),
        ('degrees', -1),
        ('degrees', 200),
        ('shear', 90),
        ('clip_contrast', '0.1'),
        ('wander', float('nan')),
    ],
)
def test_a_value_out_of_range_is_named(field, value):
    with pytest.raises(ValueError, match=f'augmentation {field} is .*expected a number from 0'):
        Augmentation(**{field: value})


def test_every_augmentation_is_off_by_default():
    assert not any(dataclasses.asdict(Augmentation()).values())
