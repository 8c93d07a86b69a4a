# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Each page in docs/howto/ fits the code, and whoever follows it to the letter has what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from howto_pages import PAGES, apply_hunks, read_commands, read_hunks
from repository import REPO

from surgsam2_ros.live.ros_environment import large_image_profile

BIN = Path(sys.executable).parent
LINTERS = (['check'], ['format', '--check'])
BY_PAGE = pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
IGNORED = shutil.ignore_patterns(
    '.git', '.venv*', 'build', 'install', 'log', '__pycache__', '.*_cache', '*.egg-info'
)


def test_the_index_lists_every_page():
    index = (REPO / 'docs' / 'howto.md').read_text(encoding='utf-8')
    assert set(re.findall(r'^\| .*?\(howto/(\w+)\.md\)', index, re.M)) == {p.stem for p in PAGES}
    assert set(re.findall(r'^howto/(\w+)$', index, re.M)) == {p.stem for p in PAGES}


@BY_PAGE
def test_the_changes_of_a_page_fit_the_files(page):
    hunks = read_hunks(page.read_text(encoding='utf-8'))
    assert hunks
    for path, text in apply_hunks(hunks, REPO).items():
        if path.endswith('.py'):
            compile(text, path, 'exec')


@BY_PAGE
def test_a_page_names_the_tests_that_prove_it(page):
    text = page.read_text(encoding='utf-8')
    made = apply_hunks(read_hunks(text), REPO)
    commands = read_commands(text)
    assert any('pytest' in command for command in commands)
    paths = [
        argument
        for command in commands
        for argument in command
        if argument.startswith(('test/', 'docs/'))
    ]
    assert [path for path in paths if path not in made and not (REPO / path).exists()] == []


def test_lines_that_are_gone_are_noticed(tmp_path):
    (tmp_path / 'a.py').write_text('one\ntwo\nthree\n')
    page = '```diff\n@@ a.py @@\n one\n-two\n+2\n@@ b.py @@ new file\n+four\n```\n'
    assert apply_hunks(read_hunks(page), tmp_path) == {
        'a.py': 'one\n2\nthree\n',
        'b.py': 'four\n',
    }
    for text in ('one\nthree\n', 'one\ntwo\none\ntwo\n', 'tone\ntwo\n'):
        (tmp_path / 'a.py').write_text(text)
        with pytest.raises(ValueError, match=r'a\.py has these lines [02] times'):
            apply_hunks(read_hunks(page), tmp_path)


@pytest.mark.slow
@BY_PAGE
def test_whoever_follows_a_page_has_what_it_says(page, tmp_path):
    """In a copy of the tree: the changes, then the commands, then the linters."""
    pytest.importorskip('rclpy')
    text = page.read_text(encoding='utf-8')
    tree = tmp_path / 'surgsam2_ros'
    shutil.copytree(REPO, tree, ignore=IGNORED)
    (tmp_path / 'shared').symlink_to(REPO.parent / 'shared')
    made = apply_hunks(read_hunks(text), tree)
    for path, content in made.items():
        (tree / path).write_text(content, encoding='utf-8')
    # The tests there are to find this tree's files, and not those that ours run with.
    environment = {k: v for k, v in os.environ.items() if k not in large_image_profile()}
    environment['PYTHONPATH'] = str(tree)
    commands = [[sys.executable, *command] for command in read_commands(text)]
    if (BIN / 'ruff').exists():
        modules = [path for path in made if path.endswith('.py')]
        commands += [[BIN / 'ruff', *check, '--no-cache', *modules] for check in LINTERS if modules]
    for command in commands:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=900
        )
        assert done.returncode == 0, f'{command}\n{done.stdout[-4000:]}{done.stderr[-2000:]}'
