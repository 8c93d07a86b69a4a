# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Every option that the documents give to `surgsam2` is one that the command has."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest
from repository import REPO

from surgsam2_ros.cli import create_parser

DOCUMENTS = [
    REPO / 'Makefile',
    *sorted(
        path
        for path in (*REPO.glob('*.md'), *REPO.glob('docs/**/*.md'), *REPO.glob('models/*.md'))
        if 'build' not in path.relative_to(REPO).parts
    ),
]


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of the commands below a parser, by name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """Return the options of a command and of those below it."""
    own = {option for action in parser._actions for option in action.option_strings}
    return own.union(*(options_of(below) for below in commands_of(parser).values()))


OPTIONS = {name: options_of(parser) for name, parser in commands_of(create_parser()).items()}


def unknown_options(text: str) -> list[str]:
    """Return the command lines with options that their command does not have."""
    text = re.sub(r'\\\n\s*', '', text)  # lines that go on
    return [
        f'surgsam2 {name}: {option}'
        for name, rest in re.findall(r'surgsam2 ([a-z]+)([^`\n]*)', text)
        if name in OPTIONS
        for option in re.findall(r'(?<![\w-])--[a-z][a-z-]*', rest)
        if option not in OPTIONS[name]
    ]


@pytest.mark.parametrize('path', DOCUMENTS, ids=lambda path: path.relative_to(REPO).as_posix())
def test_the_options_in_a_document_exist(path: Path):
    assert unknown_options(path.read_text(encoding='utf-8')) == []


def test_an_option_that_is_gone_is_found():
    line = '    surgsam2 render --seed 3 \\\n      --sheet\n'
    assert unknown_options(line) == ['surgsam2 render: --sheet']
