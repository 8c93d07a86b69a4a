# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The archives of EndoVis 2017 become a data set: cropped, split, numbered and named."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from endovis_archives import CAMERA, raw_mask, write_images_17, write_png

from surgsam2_ros.datasets import VosFolder
from surgsam2_ros.datasets.endovis17 import instrument_type
from surgsam2_ros.datasets.prepare import Preparation
from surgsam2_ros.drawing import label_palette
from surgsam2_ros.sources import SourceError, read_label_png, write_label_png


def training(root, number):
    return root / 'instrument_1_4_training' / f'instrument_dataset_{number}'


@pytest.fixture(scope='module')
def archives(tmp_path_factory):
    """Sequence 1 with two needle drivers and forceps, in training and test; sequence 9."""
    root = tmp_path_factory.mktemp('endovis17')
    folder = training(root, 1)
    write_images_17(folder, (0, 1))
    masks = folder / 'ground_truth'
    for number in (0, 1):
        name = f'frame{number:03d}.png'
        write_png(masks / 'Left_Large_Needle_Driver_labels' / name, raw_mask(10, 100, 100))
        write_png(masks / 'Right_Large_Needle_Driver_labels' / name, raw_mask(20, 100, 900))
        forceps = np.repeat(raw_mask(30, 600, 600)[..., None], 3, axis=2)  # some have channels
        write_png(masks / 'Prograsp_Forceps' / name, forceps)
    write_images_17(root / 'instrument_1_4_testing' / 'instrument_dataset_1', (225,))
    types = raw_mask(3, 130, 130) + raw_mask(3, 130, 930) + raw_mask(2, 700, 300)
    labels = root / 'instrument_2017_test' / 'instrument_2017_test'
    for folder in ('TypeSegmentation', 'BinarySegmentation', 'TypeSegmentationRescaled'):
        write_png(labels / 'instrument_dataset_1' / folder / 'frame225.png', types)
    write_images_17(root / 'instrument_9_10_testing' / 'instrument_dataset_9', (0,))
    types = raw_mask(1, 0, 0) + raw_mask(6, 300, 300) + raw_mask(6, 300, 700)
    write_png(labels / 'instrument_dataset_9' / 'gt' / 'TypeSegmentation' / 'frame000.png', types)
    return root


@pytest.fixture(scope='module')
def prepared(archives, tmp_path_factory):
    target = tmp_path_factory.mktemp('out') / 'vos'
    return target, Preparation('endovis17', archives, target).run()


def labels_of(target, name, frame):
    return read_label_png(target / 'Annotations' / name / f'{frame:05d}.png')


def test_images_are_those_of_the_left_camera_without_the_border(prepared):
    target, _ = prepared
    for number in (0, 1, 225):
        image = cv2.imread(str(target / 'train/JPEGImages/seq_1' / f'{number:05d}.png'))
        assert image.shape == (*CAMERA, 3)
        assert (image == (30, number, 200)).all()


def test_training_and_test_frames_of_a_sequence_are_one_video(prepared):
    (video,) = VosFolder(prepared[0] / 'train').videos
    assert [frame.stem for frame in video.frames] == ['00000', '00001', '00225']


def test_sequences_9_and_10_are_for_validation(prepared):
    assert [video.name for video in VosFolder(prepared[0] / 'valid').videos] == ['seq_9']


def test_each_instrument_folder_is_an_object_where_its_mask_is_not_zero(prepared):
    labels = labels_of(prepared[0] / 'train', 'seq_1', 0)
    assert labels.shape == CAMERA
    assert labels[100, 100] == labels[199, 199] == 1
    assert labels[100, 900] == 3
    assert labels[600, 600] == 2
    assert (labels > 0).sum() == 3 * 100 * 100


def test_objects_are_named_by_type(prepared):
    assert VosFolder(prepared[0] / 'train').classes_of('seq_1') == {
        1: 'large_needle_driver',
        2: 'prograsp_forceps',
        3: 'large_needle_driver',
    }


def test_types_of_test_frames_become_the_instruments_of_the_training_frames(prepared):
    labels = labels_of(prepared[0] / 'train', 'seq_1', 225)
    assert labels[150, 150] == 1  # the needle driver that was here in the training frames
    assert labels[150, 950] == 3
    assert labels[750, 350] == 2  # the only forceps, although it moved


def test_a_sequence_of_the_test_alone_is_numbered_region_by_region(prepared):
    target = prepared[0] / 'valid'
    labels = labels_of(target, 'seq_9', 0)
    ids = [labels[50, 50], labels[350, 350], labels[350, 750]]
    assert sorted(ids) == [1, 2, 3]
    names = VosFolder(target).classes_of('seq_9')
    assert [names[i] for i in ids] == ['bipolar_forceps', *['monopolar_curved_scissors'] * 2]


def test_the_report_tells_what_is_missing(prepared):
    found = {(finding.kind, finding.where): finding for finding in prepared[1].findings}
    assert ('missing_sequence', 'seq_2') in found
    frames = found['missing_image', 'seq_1'].frames
    assert frames[0] == '00002'
    assert len(frames) == 297


def test_validation_can_be_chosen(archives, tmp_path):
    Preparation('endovis17', archives, tmp_path / 'vos', valid=(1,)).run()
    assert [video.name for video in VosFolder(tmp_path / 'vos/valid').videos] == ['seq_1']
    assert [video.name for video in VosFolder(tmp_path / 'vos/train').videos] == ['seq_9']


def test_sequences_9_and_10_are_for_validation_with_the_authors_annotations_too(archives, tmp_path):
    """Ref-Endovis17 validates on 2, 5 and 6; the tables of the paper are of 9 and 10."""
    for number, split in ((1, 'valid'), (9, 'train')):
        path = tmp_path / f'in/Ref-Endovis17/{split}/Annotations/seq_{number}/00000.png'
        path.parent.mkdir(parents=True)
        write_label_png(path, np.ones(CAMERA, np.uint8), label_palette())
    for folder in archives.iterdir():
        (tmp_path / 'in' / folder.name).symlink_to(folder)
    report = Preparation('endovis17', tmp_path / 'in', tmp_path / 'vos').run()
    assert {s.name: (s.split, s.labels) for s in report.sequences} == {
        'seq_1': ('train', 'annotations'),
        'seq_9': ('valid', 'annotations'),
    }
    assert [f.where for f in report.findings if f.kind == 'other_split'] == ['seq_1', 'seq_9']


def test_a_frame_that_lacks_the_mask_of_an_instrument_stays_unlabelled(tmp_path):
    folder = training(tmp_path / 'in', 3)
    write_images_17(folder, (0, 1))
    write_png(folder / 'ground_truth/Left_Vessel_Sealer/frame000.png', raw_mask(10, 0, 0))
    for number in (0, 1):
        path = folder / f'ground_truth/Bipolar_Forceps_labels/frame{number:03d}.png'
        write_png(path, raw_mask(10, 500, 500))
    report = Preparation('endovis17', tmp_path / 'in', tmp_path / 'out').run()
    first, second = VosFolder(tmp_path / 'out/train').videos[0].frames
    assert first.annotation is not None
    assert second.annotation is None
    (finding,) = (f for f in report.findings if f.kind == 'missing_labels')
    assert str(finding) == 'missing_labels: seq_3 [00001]: no mask of vessel_sealer'


def test_training_archives_added_later_do_not_mix_with_numbers_given_before(tmp_path):
    folder = tmp_path / 'in' / 'instrument_dataset_3'
    write_images_17(folder, (225,))
    write_png(folder / 'TypeSegmentation/frame225.png', raw_mask(3, 0, 0))
    Preparation('endovis17', tmp_path / 'in', tmp_path / 'out').run()
    write_images_17(folder, (0,))
    write_png(folder / 'ground_truth/Bipolar_Forceps_labels/frame000.png', raw_mask(10, 0, 0))
    with pytest.raises(SourceError, match=r'set of archives \(seq_3'):
        Preparation('endovis17', tmp_path / 'in', tmp_path / 'out')


@pytest.mark.parametrize(('value', 'expected'), [(8, 'other'), (9, None)])
def test_types_beyond_the_list_are_other_instruments_or_refused(tmp_path, value, expected):
    folder = tmp_path / 'in' / 'instrument_dataset_10'
    write_images_17(folder, (0,))
    write_png(folder / 'TypeSegmentation/frame000.png', raw_mask(value, 0, 0))
    report = Preparation('endovis17', tmp_path / 'in', tmp_path / 'out').run()
    assert report.sequences[0].classes == ({1: expected} if expected else {})
    unreadable = [f.message for f in report.findings if f.kind == 'unreadable']
    assert bool(unreadable) == (expected is None)
    assert all('frame000.png has the values [9]' in message for message in unreadable)


def test_a_folder_that_names_no_instrument_is_reported(tmp_path):
    folder = training(tmp_path / 'in', 3)
    write_images_17(folder, (0,))
    write_png(folder / 'ground_truth/Left_Stapler_labels/frame000.png', raw_mask(10, 0, 0))
    report = Preparation('endovis17', tmp_path / 'in', tmp_path / 'out').run()
    assert 'Left_Stapler_labels' in next(
        f.where for f in report.findings if f.kind == 'unknown_folder'
    )


@pytest.mark.parametrize(
    ('folder', 'name'),
    [
        ('Left_Prograsp_Forceps_labels', 'prograsp_forceps'),
        ('Large_Needle_Driver_Right_labels', 'large_needle_driver'),
        ('Maryland_Bipolar_Forceps_labels', 'bipolar_forceps'),
        ('Right_Vessel_Sealer', 'vessel_sealer'),
        ('Other_labels', 'other'),
        ('Stapler_labels', None),
    ],
)
def test_types_are_read_from_the_names_of_folders(folder, name):
    assert instrument_type(folder) == name
