# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The Makefile says in one line what a machine lacks, before it makes anything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from repository import REPO

pytestmark = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in ('make', 'g++', 'cmake')),
    reason='make, g++ and cmake come before Python in the order of what is checked',
)


def interpreter(folder: Path, preamble: str) -> Path:
    """Write an interpreter that runs a line of Python before what it is given with -c."""
    path = folder / 'python3'
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{preamble}\n$2"\n', encoding='utf-8')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ('preamble', 'complaint', 'remedy'),
    [
        (
            "import sysconfig; sysconfig.get_path = lambda _: '/nowhere'",
            'lacks the headers',
            f'apt install python{sys.version_info.major}.{sys.version_info.minor}-dev',
        ),
        ("import sys; sys.modules['venv'] = None", 'no venv module', 'apt install python3-venv'),
        ('import sys; sys.version_info = (3, 9)', 'is not Python 3.10 to 3.13', 'PYTHON='),
    ],
)
def test_a_python_that_lacks_something_is_refused(tmp_path, preamble, complaint, remedy):
    python = interpreter(tmp_path, preamble)
    venv = tmp_path / 'venv'
    environment = {name: value for name, value in os.environ.items() if name != 'MAKEFLAGS'}
    done = subprocess.run(
        ['make', '--silent', 'setup', f'PYTHON={python}', f'VENV={venv}'],
        cwd=REPO,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith('error: ')]
    assert complaint in line and remedy in line
    assert 'Traceback' not in done.stderr
    assert not venv.exists()


def make(*arguments: str) -> subprocess.CompletedProcess:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ('ARGS', 'MAKEFLAGS', 'ROS_DISTRO')
    }
    return subprocess.run(
        ['make', '--no-print-directory', *arguments],
        cwd=REPO,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_jazzy_has_an_environment_of_its_own_and_the_tests_of_the_node():
    done = make('--dry-run', '--always-make', 'test', 'ROS=jazzy')
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1].split() == [
        '.venv-jazzy/bin/python', '-m', 'pytest', 'test/nodes', 'test/launch', 'test/sources',
    ]  # fmt: skip
    assert any('requirements/ros/jazzy.txt' in line for line in lines)
    assert 'kilted' not in done.stdout


def test_the_default_distribution_is_kilted_with_all_tests():
    done = make('--dry-run', '--always-make', 'test')
    spread, alone = (line.split() for line in done.stdout.splitlines() if ' -m pytest ' in line)
    rooms = {word.removeprefix('--ignore=') for word in spread if word.startswith('--ignore=')}
    assert '--numprocesses' in spread and '--numprocesses' not in alone
    assert rooms == {word for word in alone if word.startswith('test/')}, 'each room in one part'
    assert rooms and all((REPO / room).exists() for room in rooms)
    assert 'requirements/ros/kilted.txt' in done.stdout


def test_an_unknown_distribution_is_refused():
    done = make('setup', 'ROS=humble')
    assert done.returncode == 2
    assert 'ROS=humble is not known; choose kilted or jazzy' in done.stderr


@pytest.mark.parametrize(
    ('first', 'second', 'ends_well'),
    [(0, 0, True), (5, 0, True), (0, 5, True), (5, 5, False), (1, 0, False), (0, 1, False)],
)
def test_a_part_without_a_test_that_was_chosen_is_no_failure(tmp_path, first, second, ends_well):
    """Both parts are run by an interpreter that ends as pytest would."""
    python = tmp_path / 'bin' / 'python'
    python.parent.mkdir()
    python.write_text(
        f'#!/bin/sh\ncase "$*" in *--numprocesses*) exit {first};; *) exit {second};; esac\n',
        encoding='utf-8',
    )
    python.chmod(0o755)
    steps = make('--dry-run', '--always-make', 'test', f'VENV={tmp_path}').stdout
    recipe = steps[steps.index('spread=0;') :]
    done = subprocess.run(['bash', '-e', '-o', 'pipefail', '-c', recipe], cwd=REPO, check=False)
    assert (done.returncode == 0) == ends_well
