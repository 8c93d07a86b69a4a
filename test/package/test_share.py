# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Share files are found in the tree and in installs, and a missing one is explained."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest
from repository import REPO

from surgsam2_ros.share import share_file, share_folder


def load_installed(package: Path):
    """Import share.py as if surgsam2_ros were installed in the folder `package`."""
    package.mkdir(parents=True)
    shutil.copy(REPO / 'surgsam2_ros' / 'share.py', package)
    spec = importlib.util.spec_from_file_location('installed_share', package / 'share.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_share(prefix: Path) -> Path:
    """Install package.xml below a prefix."""
    folder = prefix / 'share' / 'surgsam2_ros'
    folder.mkdir(parents=True)
    shutil.copy(REPO / 'package.xml', folder)
    return folder


def test_the_tree_is_its_own_share_folder():
    assert share_folder() == REPO
    assert share_file('config/fastdds.xml') == REPO / 'config' / 'fastdds.xml'


@pytest.mark.parametrize(
    'package',
    [
        'lib/python3.11/site-packages/surgsam2_ros',
        'local/lib/python3.10/dist-packages/surgsam2_ros',
        'surgsam2_ros',
    ],
    ids=['venv, colcon or apt', 'Debian pip', 'pip --target'],
)
def test_an_install_finds_its_prefix(tmp_path, package):
    folder = make_share(tmp_path)
    assert load_installed(tmp_path / package).share_folder() == folder


def test_the_ament_prefix_path_is_the_last_resort(tmp_path, monkeypatch):
    folder = make_share(tmp_path / 'overlay')
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'{tmp_path}/other:{tmp_path}/overlay')
    assert load_installed(tmp_path / 'zip' / 'surgsam2_ros').share_folder() == folder


def test_a_missing_install_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.delenv('AMENT_PREFIX_PATH', raising=False)
    with pytest.raises(FileNotFoundError, match=r'pip install \.'):
        load_installed(tmp_path / 'surgsam2_ros').share_folder()


def test_a_missing_file_is_named_with_those_that_are_there():
    with pytest.raises(FileNotFoundError, match=r"'config/nothing.xml'.*fastdds\.xml"):
        share_file('config/nothing.xml')
