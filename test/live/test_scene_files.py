# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Scenes are written whole or not at all, and replace nothing unasked."""

from __future__ import annotations

import pytest

from surgsam2_ros.live.scene_files import SceneFileError, write_bag, write_folder
from surgsam2_ros.synthesis import render_scene

FRAMES = 3


class InterruptionError(Exception):
    """Raised in the middle of rendering."""


def interrupt(done: int) -> None:
    if done == 2:
        raise InterruptionError


@pytest.fixture(scope='module')
def scene():
    return render_scene(5, FRAMES, size=(64, 80))


def test_interrupted_bag_leaves_nothing(tmp_path, scene):
    with pytest.raises(InterruptionError):
        write_bag(scene, tmp_path / 'scene.mcap', on_frame=interrupt)
    assert not list(tmp_path.iterdir())


def test_interrupted_folder_leaves_no_sequence_and_keeps_the_old_one(tmp_path, scene):
    write_folder(scene, tmp_path, 'clip')
    with pytest.raises(InterruptionError):
        write_folder(scene, tmp_path, 'clip', overwrite=True, on_frame=interrupt)
    with pytest.raises(InterruptionError):
        write_folder(scene, tmp_path, 'other', on_frame=interrupt)
    for part in ('JPEGImages', 'Annotations'):
        assert [path.name for path in (tmp_path / part).iterdir()] == ['clip']
        assert len(list((tmp_path / part / 'clip').iterdir())) == FRAMES


def test_directory_is_never_replaced_by_a_bag(tmp_path, scene):
    (tmp_path / 'scene.mcap').mkdir()
    with pytest.raises(SceneFileError, match='exists already'):
        write_bag(scene, tmp_path / 'scene.mcap', overwrite=True)


def test_a_sequence_is_replaced_only_when_asked_to(tmp_path, scene):
    write_folder(scene, tmp_path, 'clip')
    with pytest.raises(SceneFileError, match='choose another folder or --overwrite'):
        write_folder(scene, tmp_path, 'clip')
