# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the pages in docs/howto/ tell a reader to do: changes of files, and commands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from repository import REPO

PAGES = sorted((REPO / 'docs' / 'howto').glob('*.md'))


class Hunk(NamedTuple):
    """A change of a file: lines of it, and what stands in their place then.

    Attributes:
        path: relative to the root of the repository.
        is_new: the file does not exist yet, and `before` is empty.
        before, after: text, in whole lines.
    """

    path: str
    is_new: bool
    before: str
    after: str


def read_hunks(page: str) -> list[Hunk]:
    """Return the changes in the `diff` blocks of a page, in their order.

    A change begins with `@@ path @@`, or `@@ path @@ new file`; an empty line is one of the file.

    Raises:
        ValueError: a line of a block begins with none of `@@`, `+`, `-` and a blank.
    """
    hunks: list[tuple[str, bool, list[str], list[str]]] = []
    blocks = re.findall(r'^( *)```diff\n(.*?)^\1```$', page, re.DOTALL | re.MULTILINE)
    for indent, block in blocks:
        for line in block.splitlines():
            line = line.removeprefix(indent)
            head = re.fullmatch(r'@@ (\S+) @@( new file)?', line)
            if head:
                hunks.append((head[1], bool(head[2]), [], []))
                continue
            sign, text = line[:1] or ' ', line[1:]
            if sign not in ' +-' or not hunks:
                raise ValueError(f'{line!r} is no line of a change; begin it with a blank, + or -')
            _, _, before, after = hunks[-1]
            if sign != '+':
                before.append(f'{text}\n')
            if sign != '-':
                after.append(f'{text}\n')
    return [
        Hunk(path, is_new, ''.join(before), ''.join(after)) for path, is_new, before, after in hunks
    ]


def apply_hunks(hunks: Sequence[Hunk], read: Path) -> dict[str, str]:
    """Return the files that changes make of those below a folder, by path.

    Raises:
        ValueError: the lines to be changed are not in their file exactly once, or a new file is
            there already.
    """
    files: dict[str, str] = {}
    for hunk in hunks:
        path = read / hunk.path
        if hunk.is_new:
            if path.exists() or hunk.path in files or hunk.before:
                raise ValueError(f'{hunk.path} is no new file')
            files[hunk.path] = hunk.after
            continue
        text = files[hunk.path] if hunk.path in files else path.read_text(encoding='utf-8')
        places = list(re.finditer(f'^{re.escape(hunk.before)}', text, re.MULTILINE))
        if not hunk.before or len(places) != 1:
            raise ValueError(f'{hunk.path} has these lines {len(places)} times:\n{hunk.before}')
        begin, end = places[0].span()
        files[hunk.path] = text[:begin] + hunk.after + text[end:]
    return files


def read_commands(page: str) -> list[list[str]]:
    """Return what a page has its reader run: our tools, and tests; as arguments of Python."""
    text = re.sub(r'\\\n\s*', '', page)  # lines that go on
    commands = []
    for tool, rest in re.findall(r'^ {4,}(\S+) (.*)$', text, re.MULTILINE):
        if tool == '.venv/bin/python':
            commands.append(rest.split())
        elif tool == '.venv/bin/surgsam2':
            commands.append(['-m', 'surgsam2_ros.cli', *rest.split()])
        elif tool == 'make' and rest.startswith('test TESTS='):
            tests = rest.removeprefix('test TESTS=').strip("'").split()
            commands.append(['-m', 'pytest', '-q', '-p', 'no:cacheprovider', *tests])
    return commands
