# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The tree keeps its own rules: format, lint, rooms, headers, sizes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from repository import REPO

BIN = Path(sys.executable).parent
HEADER = '# Copyright 2026 surgsam2_ros contributors\n# SPDX-License-Identifier: Apache-2.0\n'
MAX_LINES = 400


def python_files() -> list[Path]:
    """Return the Python files of the tree, without environments and builds."""
    files = [REPO / 'setup.py']
    for folder in ('surgsam2_ros', 'docs', 'launch', 'test'):
        files += sorted((REPO / folder).rglob('*.py'))
    return files


@pytest.mark.parametrize(
    'command',
    [
        ['ruff', 'check', '--no-cache'],
        ['ruff', 'format', '--check', '--no-cache'],
        ['lint-imports'],
    ],
    ids=' '.join,
)
def test_linter_has_nothing_to_say(command):
    tool = BIN / command[0]
    if not tool.exists():
        pytest.skip(f'{command[0]} is not installed (requirements/lint.txt)')
    done = subprocess.run([tool, *command[1:]], cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_python_file_opens_with_the_licence():
    assert not [p for p in python_files() if not p.read_text().startswith(HEADER)]


def test_modules_are_short():
    sizes = {p: len(p.read_text().splitlines()) for p in (REPO / 'surgsam2_ros').rglob('*.py')}
    assert not {str(p): n for p, n in sizes.items() if n > MAX_LINES}


def test_no_package_markers_where_they_would_hide_other_packages():
    """`launch/__init__.py` would hide ROS's launch, `test/__init__.py` the standard library's."""
    assert not [d for d in ('launch', 'test') if (REPO / d / '__init__.py').exists()]


def test_every_room_has_its_init():
    rooms = [p for p in (REPO / 'surgsam2_ros').iterdir() if p.is_dir() and list(p.glob('*.py'))]
    assert not [room for room in rooms if not (room / '__init__.py').exists()]
