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
