# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pip install .` brings everything: modules, their data, share files and console commands."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from repository import REPO

BUILT_FROM = [
    'setup.py', 'setup.cfg', 'pyproject.toml', 'package.xml', 'resource', 'surgsam2_ros', 'launch',
    'config', 'models',
]  # fmt: skip
SHARE = 'surgsam2_ros-0.1.0.data/data/share'


@pytest.fixture(scope='module')
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """Build a wheel from a copy of the tree, since building leaves files behind."""
    pytest.importorskip('wheel')
    folder = tmp_path_factory.mktemp('wheel')
    tree = folder / 'tree'
    tree.mkdir()
    for name in BUILT_FROM:
        source = REPO / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns('__pycache__'))
        else:
            shutil.copy(source, tree / name)
    command = [sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation']
    done = subprocess.run(
        [*command, '--wheel-dir', folder, tree], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob('*.whl')
    return zipfile.ZipFile(path)


def test_every_module_and_its_data_are_there(wheel):
    wanted = {
        path.relative_to(REPO).as_posix()
        for path in (REPO / 'surgsam2_ros').rglob('*')
        if path.suffix in {'.py', '.yaml', '.html', '.css', '.js'}
    }
    assert not wanted - set(wheel.namelist())


def test_share_files_are_there(wheel):
    wanted = {f'{SHARE}/surgsam2_ros/package.xml'}
    for folder in ('launch', 'config', 'models'):
        for path in (REPO / folder).rglob('*'):
            if path.suffix in {'.py', '.yaml', '.xml', '.rviz'}:
                wanted.add(f'{SHARE}/surgsam2_ros/{path.relative_to(REPO).as_posix()}')
    assert not wanted - set(wheel.namelist())


def test_the_pictures_of_the_composed_scene_come_with_their_licence(wheel):
    folder = f'{SHARE}/surgsam2_ros/resource/laparoscopy'
    there = {name for name in wheel.namelist() if name.startswith(folder)}
    names = ('tissue.jpg', 'fenestrated_grasper.png', 'grasper.png', 'LICENSE.txt')
    assert there == {f'{folder}/{name}' for name in names}


def test_the_package_is_in_the_ament_index(wheel):
    assert f'{SHARE}/ament_index/resource_index/packages/surgsam2_ros' in wheel.namelist()


def test_the_wheel_holds_nothing_else(wheel):
    allowed = ('surgsam2_ros/', 'surgsam2_ros-0.1.0.data/', 'surgsam2_ros-0.1.0.dist-info/')
    assert not [name for name in wheel.namelist() if not name.startswith(allowed)]


@pytest.mark.parametrize('command', ['surgsam2', 'surgsam2_node', 'surgsam2_console'])
def test_console_commands_lead_to_functions(wheel, command):
    text = wheel.read('surgsam2_ros-0.1.0.dist-info/entry_points.txt').decode()
    target = dict(line.split(' = ') for line in text.splitlines() if ' = ' in line)[command]
    module, function = target.split(':')
    source = (REPO / Path(*module.split('.'))).with_suffix('.py').read_text()
    assert f'def {function}(' in source
