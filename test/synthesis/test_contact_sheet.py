# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The contact sheet shows all families and kinds, and the documentation names them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from repository import REPO

from surgsam2_ros.cli import main
from surgsam2_ros.synthesis import ALL_KINDS, contact_sheet
from surgsam2_ros.synthesis.instruments import KINDS

TREE = REPO
ROWS = -(-len(KINDS) // 8) + 3 + 2
"""Of families, of 24 everyday clips, and of 4 moments of each of 4 hard kinds; 8 in a row."""


@pytest.fixture
def small_clips(monkeypatch):
    monkeypatch.setattr(contact_sheet, '_CLIP_SIZE', 64)


def test_sheet_holds_a_picture_for_each_family_kind_and_hard_moment(small_clips):
    done = []
    sheet = contact_sheet.contact_sheet(0, done.append)
    assert done == list(range(1, contact_sheet.sheet_tiles() + 1))
    assert sheet.shape == (ROWS * 192, 8 * 192, 3)
    tiles = sheet.reshape(ROWS, 192, 8, 192, 3).swapaxes(1, 2)[:, :, 20:, :]
    assert (tiles.max(axis=(2, 3, 4)) > 40).all()


def test_picture_is_written_once(tmp_path, monkeypatch, capsys):
    drawn = np.full((32, 40, 3), (200, 100, 50), np.uint8)
    monkeypatch.setattr(contact_sheet, 'contact_sheet', lambda seed, on_tile: drawn)
    output = tmp_path / 'new' / 'sheet.jpg'
    assert main(['render', '--seed', '4', '--output', str(output)]) == 0
    rgb = cv2.imread(str(output))[..., ::-1].astype(int)
    assert np.abs(rgb - drawn).max() < 8
    assert main(['render', '--output', str(output)]) == 1
    assert 'exists already' in capsys.readouterr().err


def test_documentation_names_every_kind_and_shows_the_sheet():
    text = (TREE / 'docs' / 'synthesis.md').read_text()
    assert [kind for kind in ALL_KINDS if f'`{kind}`' not in text] == []
    assert '(images/scenes.jpg)' in text
    picture = TREE / 'docs' / 'images' / 'scenes.jpg'
    assert picture.stat().st_size <= 67_000 * ROWS
    assert cv2.imread(str(picture)).shape == (ROWS * 192, 8 * 192, 3), 'draw it anew'


@pytest.mark.slow
def test_shown_sheet_is_the_one_that_the_documented_command_draws(tmp_path):
    assert main(['render', '--seed', '2', '--output', str(tmp_path / 'scenes.png')]) == 0
    drawn = cv2.imread(str(tmp_path / 'scenes.png')).astype(int)
    shown = cv2.imread(str(TREE / 'docs' / 'images' / 'scenes.jpg'))
    assert np.abs(drawn - shown).mean() < 6


def test_help_names_every_instrument(capsys):
    with pytest.raises(SystemExit):
        main(['render', '--help'])
    text = capsys.readouterr().out
    assert [kind for kind in KINDS if kind not in text] == []
