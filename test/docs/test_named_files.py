# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Every file, folder and module of ours that a document names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from howto_pages import PAGES, read_hunks
from repository import REPO

DOCUMENTS = [
    path
    for path in sorted((*REPO.glob('*.md'), *REPO.glob('docs/**/*.md'), *REPO.glob('models/*.md')))
    if 'build' not in path.relative_to(REPO).parts and path.name != 'CHANGELOG.md'
]
TOP = 'config|docker|docs|launch|models|requirements|resource|surgsam2_msgs|surgsam2_ros|test|tools'
# Weights of others, and recorded data that may lie in test/data/, are had from elsewhere.
FROM_ELSEWHERE = re.compile(r'models/.*\.(pt|pth|safetensors)|test/data/.*')


def missing_names(text: str, made: set[str]) -> list[str]:
    """Return the names between backticks that are to be of ours and are not there.

    Args:
        text: Markdown; names may be patterns such as `models/*.yaml`.
        made: paths that the document has its reader make.
    """
    missing = []
    for name in re.findall(rf'`((?:{TOP})/[\w.+*/-]*)`', text):
        path = re.sub(r'^(surgsam2_msgs/(msg|srv)/\w+)$', r'\1.\2', name).rstrip('/')
        there = name in made or any(REPO.glob(path))
        if not there and not FROM_ELSEWHERE.fullmatch(name):
            missing.append(name)
    for name in re.findall(r'`(surgsam2_ros(?:\.[a-z_0-9]+)+)`', text):
        module = REPO / name.replace('.', '/')
        if not module.is_dir() and not module.with_suffix('.py').is_file():
            missing.append(name)
    return missing


@pytest.mark.parametrize('path', DOCUMENTS, ids=lambda path: path.relative_to(REPO).as_posix())
def test_what_a_document_names_is_there(path: Path):
    text = path.read_text(encoding='utf-8')
    made = {hunk.path for hunk in read_hunks(text) if hunk.is_new} if path in PAGES else set()
    assert missing_names(text, made) == []


def test_a_name_that_is_gone_is_found():
    there = '`surgsam2_ros/drawing.py` `docs/*.md` `surgsam2_msgs/msg/Track` `surgsam2_ros.drawing`'
    gone = ['surgsam2_ros/utils.py', 'config/gone/', 'surgsam2_msgs/msg/Gone', 'surgsam2_ros.utils']
    text = f'{there} {" ".join(f"`{name}`" for name in gone)}'
    assert missing_names(text, set()) == gone
    assert missing_names(text, {gone[0]}) == gone[1:]
