# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Scripts and images do what the documents say, as far as that can be seen without running them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from repository import REPO

INSTALL = REPO / 'tools' / 'install_ros.sh'
SCRIPTS = sorted((REPO / 'tools').glob('*.sh'))
DOCKERFILES = sorted((REPO / 'docker').glob('*.Dockerfile'))


def run(*command: str | Path, **variables: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def dry_run(*options: str, **variables: str) -> list[str]:
    """Return the commands that the installation would run."""
    done = run(INSTALL, '--dry-run', *options, **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize('path', SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(path):
    tool = shutil.which('shellcheck')
    if tool is None:
        pytest.skip('shellcheck is not installed')
    done = run(tool, path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize('path', SCRIPTS, ids=lambda path: path.name)
def test_a_script_without_its_arguments_changes_nothing_and_says_how_it_is_called(path):
    done = run(path, '--help')
    assert done.returncode == 2
    assert path.name in done.stderr


@pytest.mark.parametrize('distro', ['jazzy', 'kilted'])
def test_the_installation_is_for_the_distribution_that_is_named(distro):
    commands = dry_run('--distro', distro)
    assert commands[0] == f'source /opt/ros/{distro}/setup.bash'
    (rosdep,) = [line for line in commands if line.startswith('rosdep install')]
    assert f'--rosdistro {distro}' in rosdep
    assert f'{REPO}/surgsam2_msgs' in rosdep, 'rosdep stops at the first package.xml'


def test_an_unknown_distribution_is_refused():
    done = run(INSTALL, '--distro', 'humble', '--dry-run')
    assert done.returncode == 2
    assert "'humble'" in done.stderr and 'docs/platforms.md' in done.stderr


def test_pip_writes_to_the_virtual_environment_alone():
    """PEP 668: the system's own Python is apt's."""
    commands = dry_run('--workspace', '/ws')
    assert 'python3 -m venv --system-site-packages /ws/venv ' in commands
    pips = [line for line in commands if ' pip ' in line]
    assert pips and all(line.startswith('/ws/venv/bin/python -m pip install ') for line in pips)
    assert not [line for line in commands if 'break-system-packages' in line]


def test_what_pip_installs_is_what_is_pinned():
    pinned = (REPO / 'requirements' / 'run.txt').read_text().splitlines()
    installed = [
        word for line in dry_run() if ' pip ' in line for word in line.split() if '==' in word
    ]
    assert {word.partition('==')[0] for word in installed} == {'torch', 'safetensors', 'rosbags'}
    assert set(installed) <= set(pinned)


def test_the_consoles_packages_are_installed_as_they_are_pinned():
    console = [line for line in dry_run() if '/requirements/console.txt' in line]
    assert len(console) == 1 and '--no-deps -r ' in console[0]


def test_torch_alone_comes_from_the_index_that_is_given():
    lines = [line for line in dry_run(TORCH_INDEX='https://torch.example') if '--index-url' in line]
    assert len(lines) == 1
    assert ' torch==' in lines[0] and 'https://torch.example' in lines[0]


def test_colcon_builds_both_packages_with_the_python_of_the_environment():
    build = dry_run('--workspace', '/ws')[-1]
    assert build.startswith('/ws/venv/bin/python /usr/bin/colcon ')
    assert f'--base-paths {REPO} {REPO}/surgsam2_msgs' in build
    assert '-DPython3_EXECUTABLE=/ws/venv/bin/python3' in build


@pytest.mark.parametrize('path', DOCKERFILES, ids=lambda path: path.name)
def test_an_image_is_made_by_the_same_recipe(path):
    distro = path.name.partition('.')[0]
    text = path.read_text()
    assert re.search(rf'^FROM ros:{distro}-', text, re.MULTILINE)
    assert f'tools/install_ros.sh --distro {distro} ' in text


def test_the_bare_debian_installs_what_the_readme_says():
    line = re.search(r'^    sudo apt install (.+)$', (REPO / 'README.md').read_text(), re.MULTILINE)
    assert line and {'make', 'g++', 'cmake'} <= set(line[1].split())
    assert 'sudo apt install' in (REPO / 'tools' / 'bare_debian.sh').read_text()
