# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A run begins with an empty folder, and removes nothing but what a run before has left."""

from __future__ import annotations

import pytest

from surgsam2_ros.live import LiveError
from surgsam2_ros.live.run_folder import begin_folder


def test_what_a_run_before_has_left_is_removed(tmp_path):
    folder = tmp_path / 'build' / 'soak'
    begin_folder(folder, 'soak.json')
    (folder / 'node.log').write_text('old')
    begin_folder(folder, 'soak.json')
    assert [path.name for path in folder.iterdir()] == ['soak.json']


def test_a_folder_of_anything_else_stays_as_it_is(tmp_path):
    (tmp_path / 'thesis.tex').write_text('years')
    with pytest.raises(LiveError, match=r'holds something, but no soak\.json'):
        begin_folder(tmp_path, 'soak.json')
    assert (tmp_path / 'thesis.tex').read_text() == 'years'


def test_a_file_is_no_folder(tmp_path):
    file = tmp_path / 'soak'
    file.touch()
    with pytest.raises(LiveError, match='name a new'):
        begin_folder(file, 'soak.json')
    assert file.is_file()
