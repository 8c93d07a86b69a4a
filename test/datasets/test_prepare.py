# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Preparing goes on where it stopped, reads zip files, and uses the authors' annotations."""

from __future__ import annotations

import errno
import json
import zipfile

import numpy as np
import pytest
from endovis_archives import (
    CAMERA,
    KIDNEY,
    SHAFT,
    colour_labels,
    write_classes_18,
    write_frame_18,
    write_png,
)

from surgsam2_ros.datasets import VosFolder, sequence_writer
from surgsam2_ros.datasets.prepare import Preparation
from surgsam2_ros.datasets.released_annotations import object_names
from surgsam2_ros.drawing import label_palette
from surgsam2_ros.sources import SourceError, read_label_png, write_label_png


class InterruptionError(Exception):
    """Raised in the middle of preparing."""


def scene(number):
    """Draw two instruments, of which the second outgrows the first, over a kidney."""
    left = (SHAFT, 100, 100 + 50 * number, 140)
    right = (SHAFT, 100, 900 - 50 * number, 100 + 30 * number)
    return colour_labels(left, right, (KIDNEY, 600, 100, 300))


@pytest.fixture(scope='module')
def archives(tmp_path_factory):
    root = tmp_path_factory.mktemp('archives')
    write_classes_18(root / 'release')
    for number in range(3):
        write_frame_18(root / 'release' / 'seq_1', number, scene(number))
    return root


@pytest.fixture
def annotated(archives, tmp_path):
    """Return the archives with annotations by the authors, who validate on sequence 1 here.

    The tables of the paper are of others.
    """
    root = tmp_path / 'annotated'
    root.mkdir()
    (root / 'release').symlink_to(archives / 'release')
    labels = np.zeros(CAMERA, np.uint8)
    labels[:100] = 3
    labels[200:300] = 11
    for number in (0, 1, 2, 3):
        for folder in ('Annotations', 'VOS/Annotations_vos_instrument'):
            path = root / 'VOS-Endovis18' / 'valid' / folder / 'seq_1' / f'{number:05d}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            if 'VOS/' not in f'{folder}/' or number == 0:
                write_label_png(path, labels, label_palette())
    meta = root / 'VOS-Endovis18' / 'valid' / 'Meta' / 'seq_1.json'
    meta.parent.mkdir()
    meta.write_text(json.dumps({'3': 'Large Needle Driver'}))
    return root


def content(folder):
    files = (path for path in folder.rglob('*') if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope='module')
def uninterrupted(archives, tmp_path_factory):
    target = tmp_path_factory.mktemp('whole') / 'vos'
    Preparation('endovis18', archives, target).run()
    return content(target)


@pytest.mark.parametrize('after', [1, 2])
def test_an_interrupted_run_goes_on_to_the_same_result(archives, tmp_path, uninterrupted, after):
    def interrupt(done, sequence):
        if done == after:
            raise InterruptionError

    with pytest.raises(InterruptionError):
        Preparation('endovis18', archives, tmp_path / 'vos').run(interrupt)
    report = Preparation('endovis18', archives, tmp_path / 'vos').run()
    assert (report.kept, report.written) == (after, 3 - after)
    assert content(tmp_path / 'vos') == uninterrupted


def test_a_finished_frame_is_not_redone(archives, tmp_path):
    target = tmp_path / 'vos'
    Preparation('endovis18', archives, target).run()
    before = {path: path.stat().st_mtime_ns for path in target.rglob('*.png')}
    report = Preparation('endovis18', archives, target).run()
    assert (report.kept, report.written) == (3, 0)
    assert {path: path.stat().st_mtime_ns for path in target.rglob('*.png')} == before


def test_a_full_disk_leaves_no_half_file_and_the_message_says_what_to_do(
    archives, tmp_path, monkeypatch
):
    def write_half(path, labels, palette):
        path.write_bytes(b'half')
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(sequence_writer, 'write_label_png', write_half)
    with pytest.raises(OSError, match=r'make room and run it again.*00000\.png'):
        Preparation('endovis18', archives, tmp_path / 'vos').run()
    assert not [path for path in tmp_path.rglob('*') if 'partial' in path.name]
    assert not list(tmp_path.rglob('Annotations/*/*.png'))


def test_what_a_killed_run_left_behind_is_completed(archives, tmp_path, uninterrupted):
    target = tmp_path / 'vos'
    Preparation('endovis18', archives, target).run()
    folder = target / 'train'
    (folder / 'JPEGImages/seq_1/00002.png').unlink()
    (folder / 'JPEGImages/seq_1/.00002.png.partial').write_bytes(b'half')
    for number in (1, 2):
        (folder / f'Annotations/seq_1/0000{number}.png').unlink()
    report = Preparation('endovis18', archives, target).run()
    assert (report.kept, report.written) == (1, 2)
    assert content(target) == uninterrupted


def test_zip_files_are_read_as_they_are(archives, tmp_path, uninterrupted):
    (tmp_path / 'in').mkdir()
    with zipfile.ZipFile(tmp_path / 'in' / 'miccai_challenge_2018_release_1.zip', 'w') as archive:
        for path in sorted(archives.rglob('*.*')):
            archive.write(path, path.relative_to(archives))
            archive.writestr(f'__MACOSX/{path.relative_to(archives).parent}/._{path.name}', b'junk')
    Preparation('endovis18', tmp_path / 'in', tmp_path / 'vos').run()
    assert content(tmp_path / 'vos') == uninterrupted


def test_an_archive_there_twice_is_used_once_and_reported_once(archives, tmp_path):
    for name in ('a', 'b'):
        (tmp_path / 'in' / name).mkdir(parents=True)
        (tmp_path / 'in' / name / 'seq_1').symlink_to(archives / 'release' / 'seq_1')
    preparation = Preparation('endovis18', tmp_path / 'in', tmp_path / 'vos')
    assert preparation.frames == 3
    findings = [f for f in preparation.run().findings if f.kind == 'duplicate']
    assert [f.frames for f in findings] == [['00000', '00001', '00002']] * 2  # images and labels


def test_a_damaged_zip_file_is_named(tmp_path):
    (tmp_path / 'release.zip').write_bytes(b'PK cut off')
    with pytest.raises(SourceError, match=r'release\.zip .* download it again'):
        Preparation('endovis18', tmp_path, tmp_path / 'vos')


def test_the_target_may_lie_within_the_source(archives, tmp_path):
    (tmp_path / 'release').symlink_to(archives / 'release')
    Preparation('endovis18', tmp_path, tmp_path / 'vos').run()
    report = Preparation('endovis18', tmp_path, tmp_path / 'vos').run()
    assert [sequence.labels for sequence in report.sequences] == ['linked']


@pytest.mark.parametrize('dataset', ['endovis17', 'endovis18'])
def test_another_structure_is_refused_with_the_one_expected(tmp_path, dataset):
    write_png(tmp_path / 'images' / 'video1' / '1.png', np.zeros((8, 8), np.uint8))
    with pytest.raises(SourceError, match=r'expected.*left_frames/frame000\.png.*Found: images'):
        Preparation(dataset, tmp_path, tmp_path / 'vos')
    assert not (tmp_path / 'vos').exists()


def test_a_missing_source_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere'):
        Preparation('endovis17', tmp_path / 'nowhere', tmp_path / 'vos')


def test_a_folder_with_other_files_is_not_written_to(archives, tmp_path):
    (tmp_path / 'thesis.tex').touch()
    with pytest.raises(SourceError, match='holds other files'):
        Preparation('endovis18', archives, tmp_path)


def test_a_target_begun_with_another_split_is_refused(archives, tmp_path):
    Preparation('endovis18', archives, tmp_path / 'vos').run()
    with pytest.raises(SourceError, match=r'begun with another .*seq_1'):
        Preparation('endovis18', archives, tmp_path / 'vos', valid=(1,))


def test_labels_downloaded_later_are_added(archives, tmp_path):
    images = tmp_path / 'in' / 'seq_1' / 'left_frames'
    images.parent.mkdir(parents=True)
    images.symlink_to(archives / 'release' / 'seq_1' / 'left_frames')
    report = Preparation('endovis18', tmp_path / 'in', tmp_path / 'vos').run()
    assert [(s.labels, s.labelled) for s in report.sequences] == [('none', 0)]
    (images.parent / 'labels').symlink_to(archives / 'release' / 'seq_1' / 'labels')
    report = Preparation('endovis18', tmp_path / 'in', tmp_path / 'vos').run()
    assert [(s.labels, s.labelled) for s in report.sequences] == [('linked', 3)]


def test_a_validation_sequence_that_does_not_exist_is_refused(archives, tmp_path):
    with pytest.raises(SourceError, match='has no seq_8'):
        Preparation('endovis18', archives, tmp_path / 'vos', valid=(8,))


def test_annotations_of_the_authors_give_labels_and_names(annotated, tmp_path):
    report = Preparation('endovis18', annotated, tmp_path / 'vos').run()
    assert [sequence.labels for sequence in report.sequences] == ['annotations']
    labels = read_label_png(tmp_path / 'vos/train/Annotations/seq_1/00001.png')
    assert (labels[50, 50], labels[250, 50], labels[150, 150]) == (3, 11, 0)
    names = VosFolder(tmp_path / 'vos/train').classes_of('seq_1')
    assert names[3] == 'large_needle_driver'
    assert names[11] == 'kidney_parenchyma'


def test_the_split_is_that_of_the_tables_where_annotations_have_another(annotated, tmp_path):
    report = Preparation('endovis18', annotated, tmp_path / 'vos').run()
    assert [sequence.split for sequence in report.sequences] == ['train']
    [finding] = [f for f in report.findings if f.kind == 'other_split']
    assert finding.where == 'seq_1'
    assert finding.message.startswith("train here, valid in the authors' annotations")
    assert 'the tables of the paper are of 2, 5, 9, 15' in finding.message


def test_a_split_that_no_table_is_of_is_reported(annotated, tmp_path):
    report = Preparation('endovis18', annotated, tmp_path / 'vos', valid=(1,)).run()
    assert [sequence.split for sequence in report.sequences] == ['valid']
    [finding] = [f for f in report.findings if f.kind == 'other_split']
    assert str(finding) == 'other_split: valid: no table of the paper is of 1 alone'


def test_prompt_masks_of_the_authors_are_copied(annotated, tmp_path):
    Preparation('endovis18', annotated, tmp_path / 'vos').run()
    folder = tmp_path / 'vos/train/VOS/Annotations_vos_instrument/seq_1'
    assert [path.name for path in folder.iterdir()] == ['00000.png']


def test_annotations_without_an_image_are_reported(annotated, tmp_path):
    report = Preparation('endovis18', annotated, tmp_path / 'vos').run()
    (finding,) = (f for f in report.findings if f.kind == 'orphan_labels')
    assert finding.frames == ['00003']


def test_names_that_the_authors_corrected_later_are_corrected(annotated, tmp_path):
    for folder in (annotated / 'VOS-Endovis18' / 'valid').rglob('seq_1'):
        folder.rename(folder.with_name('seq_13'))
    meta = annotated / 'VOS-Endovis18' / 'valid' / 'meta_expressions.json'
    names = {'2': 'large needle driver', '3': 'prograsp forceps', '4': 'clip applier'}
    meta.write_text(json.dumps({'videos': {'seq_13': names}}))
    (annotated / 'release').unlink()
    write_classes_18(annotated / 'in')
    write_frame_18(annotated / 'in' / 'seq_13', 0, None)
    report = Preparation('endovis18', annotated, tmp_path / 'vos').run()
    names = VosFolder(tmp_path / 'vos/train').own_classes_of('seq_13')
    assert names == {2: 'prograsp_forceps', 3: 'large_needle_driver', 4: 'clip_applier'}
    assert [f.kind for f in report.findings].count('corrected_name') == 2


def test_annotations_of_the_other_challenge_and_prepared_data_are_passed_over(
    archives, annotated, tmp_path
):
    (annotated / 'VOS-Endovis18').rename(annotated / 'Ref-Endovis17')
    Preparation('endovis18', archives, annotated / 'earlier').run()
    report = Preparation('endovis18', annotated, tmp_path / 'vos').run()
    assert [sequence.labels for sequence in report.sequences] == ['linked']
    assert not (tmp_path / 'vos' / 'train' / 'VOS').exists()


def test_labels_of_two_sources_do_not_mix_in_one_folder(archives, annotated, tmp_path):
    Preparation('endovis18', annotated, tmp_path / 'vos').run()
    with pytest.raises(SourceError, match='source of labels'):
        Preparation('endovis18', archives, tmp_path / 'vos')


@pytest.mark.parametrize(
    'content',
    [
        {'1': 'Bipolar Forceps'},
        {'1': {'exp': 'bipolar forceps'}},
        {'objects': {'1': {'category': 'bipolar-forceps'}}},
        {'expressions': {'0': {'exp': 'bipolar forceps', 'obj_id': 1}}},
    ],
)
def test_names_of_objects_are_understood_in_several_forms(content):
    assert object_names(content) == {1: 'bipolar_forceps'}


@pytest.mark.parametrize('content', [[], 'text', {'a': 'b'}, {'1': {'colour': 'red'}}])
def test_what_holds_no_names_gives_none(content):
    assert object_names(content) == {}
