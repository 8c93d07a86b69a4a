# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Clips are rendered once, and every augmentation treats picture and truth alike."""

from __future__ import annotations

import numpy as np
import pytest

from surgsam2_ros.training.clips import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    ClipFolder,
    augment,
    change_colours,
    choose_frames,
    make_clip,
    render_clips,
    sample_clip,
    wander,
)
from surgsam2_ros.training.sampling import turn_where_objects_leave


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp('clips')
    render_clips(path, count=3, frames=4, size=64, seed=5)
    return path


def square_clip(frames=6, size=64):
    """Move a square by a pixel per frame; the picture is white where the label is 7."""
    labels = np.zeros((frames, size, size), np.uint8)
    for index in range(frames):
        labels[index, 10:30, 20 + index : 44 + index] = 7
    return np.repeat(labels[..., None] // 7 * 255, 3, axis=3), labels


def test_rendering_adds_what_is_missing_and_depends_on_seed_and_number_alone(folder, tmp_path):
    render_clips(tmp_path, count=2, frames=4, size=64, seed=5)
    before = (tmp_path / 'clip_00000.npy').stat().st_mtime_ns
    render_clips(tmp_path, count=3, frames=4, size=64, seed=5, processes=2)
    assert (tmp_path / 'clip_00000.npy').stat().st_mtime_ns == before
    for index in range(3):
        assert (ClipFolder(folder)[index] == ClipFolder(tmp_path)[index]).all()
    assert not list(tmp_path.glob('*.part'))


def test_an_empty_folder_is_an_error_that_names_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        ClipFolder(tmp_path)


def test_samples_have_objects_in_their_first_frame(folder, rng):
    clips = ClipFolder(folder)
    for frames in (1, 3):
        clip = sample_clip(clips, rng, frames, max_objects=2)
        assert clip.images.shape == (frames, 3, 64, 64)
        assert clip.images.dtype == np.float32
        assert clip.masks.shape[1:] == (frames, 64, 64)
        assert clip.masks.shape[0] in (1, 2)
        assert clip.masks[:, 0].any(axis=(1, 2)).all()
        assert (clip.foreground | ~clip.masks.any(axis=0)).all()


def test_chosen_frames_are_equidistant_in_either_direction(rng):
    stored = np.zeros((10, 4, 4, 4), np.uint8)
    stored[..., 3] = np.arange(10)[:, None, None]
    steps = set()
    for _ in range(200):
        _, labels = choose_frames(stored, rng, 4)
        steps |= set(np.diff(labels[:, 0, 0].astype(int)))
        assert len(set(np.abs(np.diff(labels[:, 0, 0].astype(int))))) == 1
    assert steps == {-3, -2, -1, 1, 2, 3}
    with pytest.raises(ValueError, match='11 wanted'):
        choose_frames(stored, rng, 11)


def test_some_clips_turn_round_so_that_objects_return(rng):
    stored = np.zeros((10, 4, 4, 4), np.uint8)
    stored[:5, ..., 3] = 1
    seen = {tuple(choose_frames(stored, rng, 6)[1][:, 0, 0].tolist()) for _ in range(300)}
    assert (1, 1, 0, 1, 1, 1) in seen
    assert (1, 1, 0, 0, 0, 0) in seen


def test_a_clip_turns_round_at_the_first_frame_without_an_object():
    labels = np.zeros((6, 8, 8), np.uint8)
    labels[:2, :4] = 3
    assert turn_where_objects_leave(labels).tolist() == [0, 1, 2, 1, 0, 1]
    labels[:5, :4] = 3
    assert turn_where_objects_leave(labels).tolist() == [0, 1, 2, 3, 4, 5]


def test_geometry_moves_picture_and_labels_together(rng):
    rgb, labels = square_clip()
    for _ in range(30):
        moved_rgb, moved_labels = augment(rgb, labels, rng)
        assert moved_rgb.shape == rgb.shape
        brightness = moved_rgb.mean(axis=3)
        inside = brightness[moved_labels == 7]
        if len(inside) == 0:
            continue
        assert inside.mean() > brightness[moved_labels == 0].mean() + 40


def test_a_wandering_camera_can_lose_an_object(rng):
    rgb, labels = square_clip(frames=12)
    patterns = set()
    for _ in range(200):
        _, moved = wander(rgb, labels, rng)
        seen = (moved == 7).any(axis=(1, 2))
        patterns.add((bool(seen[0]), bool(seen.all()), bool(seen[-1])))
    assert (True, False, False) in patterns
    assert (True, True, True) in patterns


def test_colours_change_per_clip_and_only_flicker_within_it(rng):
    frames = np.full((5, 8, 8, 3), (120, 90, 60), np.uint8)
    means = np.stack([change_colours(frames, rng).mean(axis=(2, 3)) for _ in range(40)])
    assert means.std(axis=1).mean() < 0.5 * means[:, 0].std()


def test_a_clip_without_a_large_enough_object_is_none(rng):
    rgb, labels = square_clip()
    assert make_clip(rgb, np.zeros_like(labels), 3, rng) is None
    specks = np.zeros_like(labels)
    specks[:, 0, :3] = 1
    assert make_clip(rgb, specks, 3, rng) is None


def test_images_are_normalised_with_the_imagenet_statistics(rng):
    rgb, labels = square_clip()
    clip = make_clip(rgb, labels, 3, rng)
    back = clip.images.transpose(0, 2, 3, 1) * IMAGENET_STD + IMAGENET_MEAN
    assert np.abs(back * 255 - rgb).max() < 1e-3
