# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The archives of EndoVis 2018 become a data set: tissue by class, instruments one by one."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from endovis_archives import (
    CLASPER,
    CLASSES_18,
    INTESTINE,
    KIDNEY,
    SHAFT,
    SUCTION,
    colour_labels,
    write_classes_18,
    write_frame_18,
    write_png,
)

from surgsam2_ros.datasets import VosFolder
from surgsam2_ros.datasets.archive_files import list_archives
from surgsam2_ros.datasets.endovis18 import COLOURS, read_colours
from surgsam2_ros.datasets.findings import Findings
from surgsam2_ros.datasets.prepare import Preparation
from surgsam2_ros.sources import SourceError, read_label_png

RELEASE = 'miccai_challenge_2018_release_1'
SUCTION_CLASS = {'name': 'suction-instrument', 'color': [*SUCTION, 128], 'classid': 9}


@pytest.fixture(scope='module')
def archives(tmp_path_factory):
    """Two instruments move over kidney and intestine in sequence 1; sequence 2 shows suction."""
    root = tmp_path_factory.mktemp('endovis18')
    release = root / RELEASE
    write_classes_18(release)
    for number in (0, 1, 2):
        column = 100 + 80 * number
        labels = colour_labels(
            (KIDNEY, 600, 100, 300),
            (INTESTINE, 600, 700, 300),
            (SHAFT, 100, column, 120),
            (CLASPER, 220, column, 60),
            (SHAFT, 100, 1000 - 80 * number, 120),
        )
        write_frame_18(release / 'seq_1', number, labels if number < 2 else colour_labels())
    write_png(root / 'repairs' / 'seq_1_frame002.png', labels)
    other = root / 'miccai_challenge_release_2'
    write_classes_18(other, {'classes': [*CLASSES_18[:2], SUCTION_CLASS]})
    write_frame_18(other / 'seq_2', 0, colour_labels((SUCTION, 10, 10, 200)))
    write_frame_18(other / 'seq_2', 1, None)
    write_frame_18(root / 'test_data' / 'seq_1', 0, colour_labels((SHAFT, 0, 0, 500)))
    junk = root / '__MACOSX' / RELEASE / 'seq_1' / 'left_frames' / '._frame000.png'
    junk.parent.mkdir(parents=True)
    junk.write_bytes(b'Mac OS X')
    return root


@pytest.fixture(scope='module')
def prepared(archives, tmp_path_factory):
    target = tmp_path_factory.mktemp('out') / 'vos'
    return target, Preparation('endovis18', archives, target).run()


def labels_of(target, name, frame):
    return read_label_png(target / 'Annotations' / name / f'{frame:05d}.png')


def kinds(report):
    return {finding.kind: finding for finding in report.findings}


def test_images_stay_as_they_are(archives, prepared):
    source = archives / RELEASE / 'seq_1' / 'left_frames' / 'frame001.png'
    target = prepared[0] / 'train' / 'JPEGImages' / 'seq_1' / '00001.png'
    assert target.read_bytes() == source.read_bytes()


def test_the_split_is_that_of_the_authors(prepared):
    assert [video.name for video in VosFolder(prepared[0] / 'train').videos] == ['seq_1']
    assert [video.name for video in VosFolder(prepared[0] / 'valid').videos] == ['seq_2']


def test_tissue_has_its_class_number_plus_7(prepared):
    labels = labels_of(prepared[0] / 'train', 'seq_1', 0)
    assert labels[700, 200] == 11
    assert labels[700, 800] == 17
    assert VosFolder(prepared[0] / 'train').classes[17] == 'small_intestine'


def test_the_parts_of_an_instrument_are_one_object(prepared):
    labels = labels_of(prepared[0] / 'train', 'seq_1', 0)
    assert labels[150, 150] == labels[250, 130] != 0


def test_instruments_keep_their_id_while_they_move(prepared):
    seen = [labels_of(prepared[0] / 'train', 'seq_1', number) for number in (0, 1, 2)]
    left = [labels[150, 150 + 80 * number] for number, labels in enumerate(seen)]
    right = [labels[150, 1050 - 80 * number] for number, labels in enumerate(seen)]
    assert {*left} != {*right}
    assert sorted({*left, *right}) == [1, 2]
    assert len({*left}) == len({*right}) == 1


def test_objects_are_named(prepared):
    assert VosFolder(prepared[0] / 'train').own_classes_of('seq_1') == {
        1: 'instrument',
        2: 'instrument',
    }
    assert VosFolder(prepared[0] / 'valid').own_classes_of('seq_2') == {1: 'suction_instrument'}


def test_a_repaired_label_image_is_used(prepared):
    assert labels_of(prepared[0] / 'train', 'seq_1', 2).any()
    assert kinds(prepared[1])['repaired'].frames == ['00002']


def test_test_data_of_the_same_number_and_mac_files_are_not_mixed_in(prepared):
    found = kinds(prepared[1])
    assert 'passed_over' in found
    assert 'duplicate' not in found
    assert 'unreadable' not in found


def test_the_report_tells_what_is_missing(prepared):
    findings = list(prepared[1].findings)
    missing = [finding.where for finding in findings if finding.kind == 'missing_sequence']
    assert missing == [f'seq_{n}' for n in (3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16)]
    assert kinds(prepared[1])['missing_labels'].frames == ['00001']
    first = next(f for f in findings if f.kind == 'missing_image' and f.where == 'seq_1')
    assert '[00003-00148]' in str(first)


def test_a_colour_without_a_class_leaves_the_frame_unlabelled(tmp_path):
    write_classes_18(tmp_path / 'in')
    write_frame_18(tmp_path / 'in' / 'seq_3', 0, colour_labels(((1, 2, 3), 0, 0, 10)))
    report = Preparation('endovis18', tmp_path / 'in', tmp_path / 'out').run()
    assert '(1, 2, 3)' in kinds(report)['unreadable'].message
    assert VosFolder(tmp_path / 'out/train').videos[0].frames[0].annotation is None


@pytest.mark.parametrize(
    ('image', 'expected'),
    [
        (np.zeros((100, 100, 3), np.uint8), '100x100; expected'),
        (np.zeros((1024, 1280, 3), np.uint16), '16 bits'),
        (None, 'no readable image'),
    ],
)
def test_an_image_that_cannot_be_used_is_left_out_and_named(tmp_path, image, expected):
    write_classes_18(tmp_path / 'in')
    write_frame_18(tmp_path / 'in' / 'seq_3', 0, None)
    write_frame_18(tmp_path / 'in' / 'seq_3', 1, None)
    path = tmp_path / 'in' / 'seq_3' / 'left_frames' / 'frame001.png'
    path.write_bytes(b'cut off' if image is None else cv2.imencode('.png', image)[1].tobytes())
    report = Preparation('endovis18', tmp_path / 'in', tmp_path / 'out').run()
    assert expected in kinds(report)['unreadable'].message
    assert str(path) in kinds(report)['unreadable'].message
    assert [f.stem for f in VosFolder(tmp_path / 'out/train').videos[0].frames] == ['00000']


def colours(tmp_path, *contents):
    for number, content in enumerate(contents):
        (tmp_path / f'release_{number}').mkdir(parents=True)
        (tmp_path / f'release_{number}' / 'labels.json').write_text(json.dumps(content))
    return read_colours(list_archives(tmp_path), Findings())


def test_the_classes_of_all_releases_are_put_together(tmp_path):
    renamed = {'name': 'intestine', 'color': [124, 155, 5, 128], 'classid': 10}
    found = colours(tmp_path, CLASSES_18, {'classes': [SUCTION_CLASS, renamed]})
    assert found[SUCTION] == 'suction_instrument'
    assert found[INTESTINE] == 'small_intestine'
    assert found[SHAFT] == 'instrument_shaft'


def test_without_a_list_of_classes_the_published_one_is_used():
    findings = Findings()
    assert read_colours([], findings) == COLOURS
    assert [finding.kind for finding in findings] == ['missing_file']


@pytest.mark.parametrize(
    ('content', 'expected'),
    [
        ({'labels': []}, 'not as expected'),
        ([{'name': 'stapler', 'color': [1, 1, 1]}], "'stapler'"),
        ([{'name': 'thread', 'color': [0, 255, 0]}], 'another'),
    ],
)
def test_a_list_of_classes_that_makes_no_sense_is_refused(tmp_path, content, expected):
    with pytest.raises(SourceError, match=expected):
        colours(tmp_path, CLASSES_18, content)
