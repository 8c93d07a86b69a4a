# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 score`."""

from __future__ import annotations

import json

import numpy as np
import pytest
from label_scenes import scene, split_objects, write_labels, write_random_videos

from surgsam2_ros.cli import main
from surgsam2_ros.commands import score
from surgsam2_ros.evaluation.scoring_plans import PROTOCOLS


@pytest.fixture
def folders(tmp_path):
    """Give the arguments that name a truth and predictions in the layout of the authors' tools."""
    write_random_videos(tmp_path / 'truth', tmp_path / 'plain')
    split_objects(tmp_path / 'truth', tmp_path / 'plain', tmp_path / 'results')
    return ['--truth', str(tmp_path / 'truth'), '--predictions', str(tmp_path / 'results')]


def scores_after(arguments, tmp_path) -> dict:
    output = tmp_path / 'new' / 'scores.json'
    assert main(['score', *arguments, '--json', str(output)]) == 0
    return json.loads(output.read_text())


def test_the_scores_are_printed_and_written(folders, tmp_path, capsys):
    scores = scores_after([*folders, '--protocol', 'endo_sav'], tmp_path)
    assert {'J', 'F', 'J&F', 'Dice', 'ciou', 'videos', 'objects'} <= set(scores)
    assert 0 < scores['J'] < 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ['video', 'object', 'J&F', 'J', 'F', 'Dice', 'CIoU']
    assert [line.split()[:2] for line in lines[1:-1]] == [
        ['seq_1', '1'], ['seq_1', '2'], ['seq_1', '5'], ['seq_1', 'all'],
        ['seq_2', '3'], ['seq_2', 'all'],
    ]  # fmt: skip
    expected = [scores[name] for name in ('J&F', 'J', 'F', 'Dice', 'ciou')]
    assert lines[-1].split() == ['all', *(f'{value:.4f}' for value in expected)]


def test_isinet_has_the_overlaps_of_classes_overall_and_by_video(folders, tmp_path, capsys):
    scores = scores_after([*folders, '--protocol', 'isinet'], tmp_path)
    names = {'challenge_iou', 'iou', 'miou', 'mciou', 'classes', 'J', 'F', 'J&F', 'Dice'}
    assert names <= set(scores)
    assert names <= set(scores['videos']['seq_2'])
    header = capsys.readouterr().out.splitlines()[0]
    assert header.split()[-5:] == ['Challenge', 'IoU', 'IoU', 'mIoU', 'mcIoU']


def test_folds_have_a_line_each_and_their_mean(folders, tmp_path, capsys):
    scores = scores_after([*folders, '--protocol', 'davis', '--folds', 'seq_1', 'seq_2'], tmp_path)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines if 'fold' in line] == [['seq_1', 'fold'], ['seq_2', 'fold']]
    [mean] = [line for line in lines if line[:3] == ['mean', 'of', 'folds']]
    assert mean[3] == f'{scores["mean_of_folds"]["J&F"]:.4f}'


def test_the_folds_of_endovis17_have_the_225_frames_of_the_training(tmp_path, capsys):
    """The 75 frames of the test, which go on with a sequence, are no part of ISINet's folds."""
    for number in range(1, 9):
        for folder in ('truth', 'results'):
            write_labels(tmp_path / folder / f'seq_{number}', [scene((1, 0, 0))] * 4, first=223)
    folders = ['--truth', str(tmp_path / 'truth'), '--predictions', str(tmp_path / 'results')]
    scores = scores_after([*folders, '--protocol', 'davis', '--folds', 'endovis17'], tmp_path)
    assert [video['frames'] for video in scores['videos'].values()] == [2] * 8


def test_classes_come_from_the_file_beside_the_truth(folders, tmp_path, capsys):
    names = {str(value): 'forceps' for value in (1, 2, 3, 5)}
    (tmp_path / 'classes.json').write_text(json.dumps(names))
    scores = scores_after([*folders, '--protocol', 'isinet'], tmp_path)
    assert list(scores['classes']) == ['forceps']
    assert 'pixel values are objects, of the classes in' in capsys.readouterr().err
    scores = scores_after([*folders, '--protocol', 'isinet', '--classes', '3'], tmp_path)
    assert list(scores['classes']) == ['1', '2', '3']
    assert 'pixel values are classes: 1, 2, 3' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('arguments', 'skipped'),
    [
        (['davis'], False),
        (['davis', '--skip-ends'], True),
        (['endo_sav'], True),
        (['endo_sav', '--no-skip-ends'], False),
        (['isinet'], False),
    ],
)
def test_the_ends_are_skipped_as_the_protocol_or_the_user_says(
    folders, tmp_path, arguments, skipped
):
    scores = scores_after([*folders, '--protocol', *arguments], tmp_path)
    assert scores['skip_ends'] == skipped
    assert scores['objects']['seq_2']['3']['frames'] == (7 if skipped else 9)


def test_what_does_not_count_is_told(folders, tmp_path, capsys):
    write_labels(tmp_path / 'truth' / 'seq_3', [scene((1, 0, 0))] * 3)
    scores_after([*folders, '--protocol', 'endo_sav'], tmp_path)
    assert 'warning: seq_3 is not predicted' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--truth', 'nowhere', '--protocol', 'davis'], 'nowhere is no folder'),
        (['--protocol', 'davis', '--classes', '3'], '--classes 3 with --protocol davis'),
        (['--protocol', 'isinet', '--classes', '0'], '--classes 0'),
        (
            ['--protocol', 'isinet', '--classes', 'types.txt'],
            'types.txt is not there or not called',
        ),
        (['--protocol', 'davis', '--objects', '0'], '--objects 0'),
        (['--protocol', 'davis', '--folds', 'seq_1,seq_2', 'seq_1'], '--folds names seq_1 twice'),
        (['--protocol', 'davis', '--folds', 'endovis17'], 'has no video seq_3'),
        (['--protocol', 'davis', '--json', '.'], '--json . is a folder'),
    ],
)
def test_bad_arguments_end_in_one_line(folders, capsys, arguments, message):
    assert main(['score', *folders, *arguments]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith('surgsam2: error: ')
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1


def test_a_truth_without_objects_is_an_error(tmp_path, capsys):
    write_labels(tmp_path / 'truth', [np.zeros((8, 8))] * 3)
    arguments = ['--truth', str(tmp_path / 'truth'), '--predictions', str(tmp_path / 'truth')]
    assert main(['score', *arguments, '--protocol', 'davis']) == 1
    assert 'no object of' in capsys.readouterr().err


def test_the_command_offers_the_protocols_there_are():
    assert score.PROTOCOLS == PROTOCOLS
