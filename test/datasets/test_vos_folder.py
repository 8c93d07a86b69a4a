# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The VOS layout is listed in the order a person counts, and what is missing is named."""

from __future__ import annotations

import json

import pytest

from surgsam2_ros.datasets import VosFolder, VosFrame
from surgsam2_ros.sources import SourceError


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


@pytest.fixture
def folder(tmp_path):
    touch(
        tmp_path,
        'JPEGImages/seq_2/00000.png',
        'JPEGImages/seq_2/00002.png',
        'JPEGImages/seq_2/00010.png',
        'JPEGImages/seq_10/frame1.jpg',
        'Annotations/seq_2/00000.png',
        'Annotations/seq_2/00010.png',
    )
    return tmp_path


def test_videos_and_frames_come_in_natural_order(folder):
    videos = VosFolder(folder).videos
    assert [video.name for video in videos] == ['seq_2', 'seq_10']
    assert [frame.stem for frame in videos[0].frames] == ['00000', '00002', '00010']


def test_a_frame_has_its_image_and_its_label_image_if_there_is_one(folder):
    first, second, _ = VosFolder(folder).videos[0].frames
    images, annotations = folder / 'JPEGImages' / 'seq_2', folder / 'Annotations' / 'seq_2'
    assert first == VosFrame('00000', images / '00000.png', annotations / '00000.png')
    assert second == VosFrame('00002', images / '00002.png', None)


def test_a_video_without_labels_is_listed(folder):
    assert VosFolder(folder).videos[1].frames[0].annotation is None


def test_other_folders_can_hold_the_label_images(folder):
    touch(folder, 'VOS/Annotations_vos_instrument/seq_10/frame1.png')
    other = VosFolder(folder, annotations='VOS/Annotations_vos_instrument')
    assert other.videos[1].frames[0].annotation == (
        folder / 'VOS/Annotations_vos_instrument/seq_10/frame1.png'
    )


def test_hidden_folders_and_files_are_passed_over(folder):
    touch(
        folder,
        'JPEGImages/.seq_3.partial/00000.png',
        'JPEGImages/seq_2/._00000.png',
        'JPEGImages/notes/about.txt',
    )
    videos = VosFolder(folder).videos
    assert [video.name for video in videos] == ['seq_2', 'seq_10']
    assert len(videos[0].frames) == 3


def test_class_names_hold_for_all_videos_or_for_one(folder):
    (folder / 'classes.json').write_text(
        json.dumps({'11': 'kidney_parenchyma', 'seq_2': {'1': 'prograsp_forceps'}})
    )
    data = VosFolder(folder)
    assert data.classes == {11: 'kidney_parenchyma'}
    assert data.classes_of('seq_2') == {1: 'prograsp_forceps', 11: 'kidney_parenchyma'}
    assert data.classes_of('seq_10') == {11: 'kidney_parenchyma'}


def test_class_names_beside_the_splits_are_found(folder):
    touch(folder, 'train/JPEGImages/a/0.png')
    (folder / 'train' / 'Annotations').mkdir()
    (folder / 'classes.json').write_text('{"1": "clip_applier"}')
    assert VosFolder(folder / 'train').classes == {1: 'clip_applier'}


def test_without_class_names_there_are_none(folder):
    assert VosFolder(folder).classes == {}
    assert VosFolder(folder).classes_of('seq_2') == {}


@pytest.mark.parametrize('content', ['no json', '["a"]', '{"one": "a"}', '{"seq_1": {"x": "a"}}'])
def test_class_names_of_another_form_are_refused_with_the_form_expected(folder, content):
    (folder / 'classes.json').write_text(content)
    with pytest.raises(SourceError, match=r'classes\.json.*expected \{"1"'):
        VosFolder(folder)


@pytest.mark.parametrize('missing', ['nowhere', 'JPEGImages', 'Annotations'])
def test_a_missing_folder_is_named(tmp_path, missing):
    touch(tmp_path, 'data/JPEGImages/a/0.png')
    (tmp_path / 'data' / 'Annotations').mkdir()
    root = tmp_path / 'data'
    if missing == 'nowhere':
        root = tmp_path / missing
    else:
        (root / missing).rename(tmp_path / 'elsewhere')
    with pytest.raises(FileNotFoundError, match=missing):
        VosFolder(root)


def test_the_folder_above_the_splits_is_refused_and_the_splits_are_named(tmp_path):
    touch(tmp_path, 'train/JPEGImages/a/0.png', 'valid/JPEGImages/b/0.png')
    with pytest.raises(FileNotFoundError, match='splits train, valid'):
        VosFolder(tmp_path)


def test_a_data_set_without_images_is_refused(tmp_path):
    (tmp_path / 'JPEGImages' / 'seq_1').mkdir(parents=True)
    (tmp_path / 'Annotations').mkdir()
    with pytest.raises(FileNotFoundError, match='no videos'):
        VosFolder(tmp_path)


def test_two_images_of_one_frame_are_refused(folder):
    touch(folder, 'JPEGImages/seq_2/00000.jpg')
    with pytest.raises(SourceError, match=r'00000\.(jpg|png) and 00000\.(jpg|png)'):
        VosFolder(folder)
