# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 evaluate --board`: its tables and files, and what it says about wrong input."""

from __future__ import annotations

import csv
import json

import cv2
import pytest
from evaluation_data import write_vos

from surgsam2_ros.cli import main


@pytest.fixture(name='root')
def _root(tmp_path):
    return write_vos(tmp_path / 'clips', ('a', 'b'))


@pytest.fixture(name='board')
def _board(root, model):
    def board(*arguments, inputs=(root,)):
        given = ['--input', *inputs, '--model', model, '--jobs', 1, *arguments]
        return main(['evaluate', '--board', *map(str, given)])

    return board


def test_a_board_is_printed_and_written(board, tmp_path, capsys):
    path = tmp_path / 'new' / 'nano.json'
    assert board('--json', path, '--corrections', 1, '--baselines') == 0
    printed = capsys.readouterr().out
    assert '| clips | objects |' in printed and 'first mask copied' in printed
    assert 'tracker as in `--behaviour node`: num_maskmem 7' in printed
    report = json.loads(path.read_text(encoding='utf-8'))
    (clips,) = report['boards']
    assert [video['video'] for video in clips['videos']] == ['a', 'b']
    methods = list(clips['methods'])
    assert methods[:4] == ['mask', 'box', 'click', 'first mask copied']
    assert set(methods[3:]) == set(clips['baselines']) == set(clips['videos'][0]['baselines'])
    assert clips['corrections']['click']['corrections'] == 2
    assert report['tracker']['num_frame_to_prune'] is None  # the network's own
    assert report['gflop_per_frame']['2'] > report['gflop_per_frame']['1'] > 0
    with path.with_suffix('.frames.csv').open(encoding='utf-8') as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 2 * 3 * 2 * 4  # videos, prompts, objects, frames
    overlaps = [float(line['iou']) for line in lines if line['object'] == '3']
    assert all(0 <= overlap <= 1 for overlap in overlaps)
    assert cv2.imread(str(path.with_suffix('.reliability.png'))) is not None


def test_without_corrections_and_a_file(board, tmp_path, capsys):
    assert board('--corrections', 0, '--videos', 'b') == 0
    printed = capsys.readouterr().out
    assert 'corrected by' not in printed and '| clips | a |' not in printed
    assert not list(tmp_path.glob('*.json'))


def test_settings_of_the_tracker_are_those_asked_for(board, capsys):
    assert board('--corrections', 0, '--set', 'tracking.tentative_frames=1') == 0
    assert 'tentative_frames 1' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (('--output', 'x'), '--output has no effect on a board'),
        (('--failures', 'x.png'), '--failures has no effect on a board'),
        (('--prompt', 'box'), '--prompt has no effect on a board'),
        (('--corrections', '-1'), '--corrections is -1; give at least 0'),
        (('--videos', 'z'), '--videos z: there is no such video; there are a, b'),
    ],
)
def test_wrong_arguments_are_named(board, capsys, arguments, words):
    assert board(*arguments) == 1
    assert words in capsys.readouterr().err


def test_two_boards_of_one_name_are_refused(board, root, tmp_path, capsys):
    other = write_vos(tmp_path / 'elsewhere' / 'clips')
    assert board(inputs=(root, other)) == 1
    assert 'two boards named clips' in capsys.readouterr().err


def test_arguments_of_boards_are_refused_without_one(root, model, tmp_path, capsys):
    arguments = ['evaluate', '--input', root, '--output', tmp_path / 'out', '--corrections', 3]
    assert main([*map(str, arguments)]) == 1
    assert '--corrections is of boards; add --board' in capsys.readouterr().err


def test_a_data_set_that_is_not_there_is_named(board, tmp_path, capsys):
    assert board(inputs=(tmp_path / 'nowhere',)) == 1
    assert 'nowhere does not exist' in capsys.readouterr().err
