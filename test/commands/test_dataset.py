# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 dataset` prepares, checks, reports for people and for scripts."""

from __future__ import annotations

import json

import numpy as np
import pytest
from endovis_archives import (
    SHAFT,
    colour_labels,
    raw_mask,
    write_classes_18,
    write_frame_18,
    write_images_17,
    write_png,
)

from surgsam2_ros.cli import main
from surgsam2_ros.commands.dataset import DATASETS, parse_numbers
from surgsam2_ros.datasets import prepare as preparing


@pytest.fixture(scope='module')
def archives(tmp_path_factory):
    root = tmp_path_factory.mktemp('archives')
    write_classes_18(root)
    for number in (0, 1):
        labels = colour_labels((SHAFT, 100, 100 + 10 * number, 200))
        write_frame_18(root / 'seq_1', number, labels)
    return root


def test_a_prepared_data_set_passes_the_check(archives, tmp_path, capsys):
    target = str(tmp_path / 'vos')
    assert main(['dataset', 'prepare', 'endovis18', str(archives), target]) == 0
    printed = capsys.readouterr().out
    assert 'train/seq_1: 2 frames, 2 labelled (linked), 1 named objects' in printed
    assert 'missing_sequence: seq_2' in printed
    assert f'surgsam2 dataset check {target}' in printed
    assert main(['dataset', 'check', target]) == 0
    assert capsys.readouterr().out == '1 videos, 2 frames, 2 labelled, 1 objects: nothing wrong\n'


def test_endovis17_is_prepared_with_the_validation_asked_for(tmp_path, capsys):
    folder = tmp_path / 'in' / 'instrument_dataset_2'
    write_images_17(folder, (0,))
    write_png(folder / 'ground_truth/Prograsp_Forceps_labels/frame000.png', raw_mask(10, 0, 0))
    arguments = [str(tmp_path / 'in'), str(tmp_path / 'vos'), '--valid', '2,5-6']
    assert main(['dataset', 'prepare', 'endovis17', *arguments]) == 0
    assert 'valid/seq_2: 1 frames, 1 labelled (challenge)' in capsys.readouterr().out


def test_a_check_that_finds_something_ends_with_1_and_names_the_file(archives, tmp_path, capsys):
    target = tmp_path / 'vos'
    main(['dataset', 'prepare', 'endovis18', str(archives), str(target)])
    (target / 'train/Annotations/seq_1/00001.png').unlink()
    capsys.readouterr()
    assert main(['dataset', 'check', str(target)]) == 1
    printed = capsys.readouterr().out
    assert f'missing_labels: {target}/train/JPEGImages/seq_1 [00001]: no label image' in printed
    assert '1 findings' in printed


def test_both_reports_can_be_read_by_scripts(archives, tmp_path, capsys):
    target = str(tmp_path / 'vos')
    assert main(['dataset', 'prepare', 'endovis18', str(archives), target, '--json']) == 0
    report = json.loads(capsys.readouterr().out)
    assert report['written'] == 2
    assert report['sequences'][0]['classes'] == {'1': 'instrument'}
    assert report['findings'][0]['kind'] == 'missing_image'
    assert main(['dataset', 'check', target, '--ids', '2-4', '--json']) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report['frames'], report['splits']) == (2, [f'{target}/train'])
    assert [finding['frames'] for finding in report['findings']] == [['00000', '00001']]


def test_archives_of_another_structure_end_with_one_line_that_says_what_was_expected(
    tmp_path, capsys
):
    write_png(tmp_path / 'photos' / '1.png', np.zeros((8, 8), np.uint8))
    assert main(['dataset', 'prepare', 'endovis17', str(tmp_path), str(tmp_path / 'vos')]) == 1
    error = capsys.readouterr().err
    assert 'instrument_dataset_1' in error
    assert 'Found: photos' in error
    assert 'Traceback' not in error


def test_the_folder_to_check_must_be_a_data_set(tmp_path, capsys):
    assert main(['dataset', 'check', str(tmp_path)]) == 1
    assert 'JPEGImages' in capsys.readouterr().err


def test_lists_of_numbers_have_ranges():
    assert parse_numbers('1-3,7') == (1, 2, 3, 7)


@pytest.mark.parametrize('text', ['', 'a', '1,,2', '1-', '9-3', '-1'])
def test_what_is_no_list_of_numbers_is_a_wrong_argument(text):
    with pytest.raises(SystemExit) as exit_:
        main(['dataset', 'check', '.', f'--ids={text}'])
    assert exit_.value.code == 2


def test_the_help_knows_every_data_set():
    assert set(DATASETS) == set(preparing.DATASETS)
