# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Every mistake planted in a sound data set is found, and nothing else."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from surgsam2_ros.datasets.check import check, open_splits
from surgsam2_ros.drawing import label_palette
from surgsam2_ros.sources import write_label_png

SIZE = (48, 64)


def write(root, video, frame, *, size=SIZE, seed=None, labels=(1, 2)):
    """Write a frame with noise of its own, and its label image, a row per object."""
    image = root / 'JPEGImages' / video / f'{frame:05d}.png'
    annotation = root / 'Annotations' / video / f'{frame:05d}.png'
    for path in (image, annotation):
        path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(video.encode()) * 100 + frame if seed is None else seed
    noise = np.random.default_rng(seed).integers(0, 255, (*size, 3), np.uint8)
    cv2.imwrite(str(image), noise)
    picture = np.zeros(size, np.uint8)
    for row, label in enumerate(labels):
        picture[row] = label
    write_label_png(annotation, picture, label_palette())
    return image, annotation


@pytest.fixture
def folder(tmp_path):
    """Two videos of three frames, with names for their two objects."""
    root = tmp_path / 'data'
    for video in ('seq_1', 'seq_2'):
        for frame in range(3):
            write(root, video, frame, labels=(1, 2) if frame else (1,))
    names = {video: {'1': 'bipolar_forceps', '2': 'clip_applier'} for video in ('seq_1', 'seq_2')}
    (root / 'classes.json').write_text(json.dumps(names))
    return root


def findings(root, **options):
    return list(check(open_splits(root), **options).findings)


def only(root, **options):
    (finding,) = findings(root, **options)
    return finding


def test_a_sound_data_set_has_no_findings(folder):
    report = check(open_splits(folder))
    assert not len(report.findings)
    assert (report.videos, report.frames, report.labelled, report.objects) == (2, 6, 6, 4)


def test_an_image_that_cannot_be_read_is_named(folder):
    image = folder / 'JPEGImages' / 'seq_1' / '00001.png'
    image.write_bytes(image.read_bytes()[:40])
    assert (only(folder).kind, only(folder).where) == ('unreadable', str(image))


def test_an_image_of_another_size_is_found(folder):
    write(folder, 'seq_2', 2, size=(48, 60))
    assert str(only(folder)) == (
        f'size: {folder}/JPEGImages/seq_2 [00002]: 60x48, the images before it are 64x48'
    )


def test_labels_of_another_size_than_their_image_are_found(folder):
    _, annotation = write(folder, 'seq_2', 2)
    write_label_png(annotation, np.full((24, 32), 1, np.uint8), label_palette())
    assert only(folder).kind == 'size'
    assert only(folder).message == 'labels of 32x24 for an image of 64x48'


@pytest.mark.parametrize(
    ('labels', 'expected'),
    [
        (np.zeros(SIZE, np.uint16), '16 bits'),
        (np.zeros((*SIZE, 3), np.uint8), 'colour type 2'),
    ],
)
def test_labels_with_16_bits_or_colours_are_found(folder, labels, expected):
    annotation = folder / 'Annotations' / 'seq_1' / '00002.png'
    cv2.imwrite(str(annotation), labels)
    finding = only(folder)
    assert (finding.kind, finding.where) == ('unreadable', str(annotation))
    assert expected in finding.message


def test_an_id_without_a_name_is_found(folder):
    write(folder, 'seq_1', 1, labels=(1, 2, 9))
    write(folder, 'seq_1', 2, labels=(1, 2, 9))
    finding = only(folder)
    assert (finding.kind, finding.frames) == ('id', ['00001', '00002'])
    assert 'object id 9' in finding.message


def test_names_that_hold_for_all_videos_are_expected(folder):
    names = json.loads((folder / 'classes.json').read_text())
    (folder / 'classes.json').write_text(json.dumps(names | {'11': 'kidney_parenchyma'}))
    write(folder, 'seq_1', 1, labels=(1, 2, 11))
    assert not findings(folder)


def test_expected_ids_can_be_given(folder):
    (folder / 'classes.json').unlink()
    write(folder, 'seq_1', 1, labels=(1, 2, 13))
    assert only(folder, ids=(1, 2)).message == 'object id 13 is not expected'
    assert not findings(folder, ids=(1, 2, 13))


def test_without_names_all_ids_but_255_are_expected(folder):
    (folder / 'classes.json').unlink()
    write(folder, 'seq_1', 1, labels=(1, 254, 255))
    assert only(folder).message == 'object id 255 is not expected'


def test_an_image_without_labels_is_found(folder):
    (folder / 'Annotations' / 'seq_2' / '00001.png').unlink()
    assert (only(folder).kind, only(folder).frames) == ('missing_labels', ['00001'])


def test_labels_without_an_image_are_found(folder):
    (folder / 'JPEGImages' / 'seq_2' / '00000.png').unlink()
    assert (only(folder).kind, only(folder).frames) == ('orphan_labels', ['00000'])


def test_the_labels_of_a_video_that_is_not_there_are_found(folder):
    (folder / 'JPEGImages' / 'seq_2').rename(folder / 'elsewhere')
    assert only(folder).kind == 'orphan_labels'
    assert only(folder).where == str(folder / 'Annotations' / 'seq_2')


def test_a_video_without_images_is_found(folder):
    (folder / 'JPEGImages' / 'seq_3').mkdir()
    assert (only(folder).kind, only(folder).where) == (
        'empty_video',
        str(folder / 'JPEGImages/seq_3'),
    )


def test_an_object_that_never_appears_is_named(folder):
    for frame in range(3):
        write(folder, 'seq_2', frame, labels=(1,))
    finding = only(folder)
    assert (finding.kind, finding.where) == ('never_appears', str(folder / 'Annotations/seq_2'))
    assert 'object 2 (clip_applier)' in finding.message


def test_a_frame_that_is_there_twice_is_found_across_videos(folder):
    image, _ = write(folder, 'seq_1', 1)
    write(folder, 'seq_2', 0, seed=sum(b'seq_1') * 100 + 1, labels=(1, 2))
    finding = only(folder)
    assert (finding.kind, finding.frames) == ('duplicate', ['00000'])
    assert str(image) in finding.message


def test_a_frame_in_both_splits_is_found(folder, tmp_path):
    splits = tmp_path / 'splits'
    splits.mkdir()
    folder.rename(splits / 'train')
    write(splits / 'valid', 'seq_9', 0, seed=sum(b'seq_1') * 100, labels=(1,))
    report = check(open_splits(splits))
    assert [finding.kind for finding in report.findings] == ['duplicate']
    assert report.videos == 3


def test_all_mistakes_are_found_at_once(folder):
    (folder / 'Annotations' / 'seq_2' / '00001.png').unlink()
    (folder / 'JPEGImages' / 'seq_2' / '00000.png').unlink()
    write(folder, 'seq_1', 2, labels=(1, 2, 77))
    kinds = sorted(finding.kind for finding in findings(folder))
    assert kinds == ['id', 'missing_labels', 'orphan_labels']


def test_progress_is_told_frame_by_frame(folder):
    done = []
    check(open_splits(folder), on_frame=done.append)
    assert done == [1, 2, 3, 4, 5, 6]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere'):
        open_splits(tmp_path / 'nowhere')
