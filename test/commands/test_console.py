# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 console`: what it takes and refuses, and which nodes launch's arguments mean."""

from __future__ import annotations

import importlib.util
import threading

import pytest

from surgsam2_ros.cli import main
from surgsam2_ros.commands.console import command_arguments


@pytest.mark.parametrize(
    ('arguments', 'complaint'),
    [
        (['--bag', 'a.mcap', '--record-to', 'out'], '--record-to is for running nodes'),
        (['--image-topic', '/image'], '--image-topic is of a bag'),
        (['--labels', 'work'], '--labels is for labelling'),
    ],
)
def test_options_that_do_not_belong_together_are_refused_in_a_line(capsys, arguments, complaint):
    assert main(['console', *arguments]) == 1
    (error,) = capsys.readouterr().err.strip().splitlines()
    assert complaint in error


def test_one_source_is_taken(capsys):
    with pytest.raises(SystemExit, match='2'):
        main(['console', '--bag', 'a.mcap', '--folder', 'b'])
    assert 'not allowed with' in capsys.readouterr().err


def test_without_nicegui_one_line_names_the_remedy(capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, 'find_spec', lambda name: None if name == 'nicegui' else find(name)
    )
    assert main(['console']) == 1
    (error,) = capsys.readouterr().err.strip().splitlines()
    assert 'pip install nicegui' in error


@pytest.mark.parametrize(
    ('given', 'taken'),
    [
        ([], ['--node', '/surgsam2']),
        (
            ['--port', '1', '--ros-args', '-r', '__ns:=/left'],
            ['--node', '/left/surgsam2', '--port', '1'],
        ),
        (
            ['--node', 'a/surgsam2', '/b/surgsam2', '--port', '1', '--ros-args', '-r', '__ns:=/r'],
            ['--node', '/r/a/surgsam2', '/b/surgsam2', '--port', '1'],
        ),
        (['--bag', 'a.mcap', '--ros-args', '-r', '__node:=console'], ['--bag', 'a.mcap']),
    ],
)
def test_nodes_are_found_from_the_namespace_that_launch_gives(given, taken):
    assert command_arguments(given) == taken


@pytest.mark.parametrize(
    ('text', 'complaint'),
    [('scissors\nhook\n', 'has no names with colours'), (None, 'does not exist')],
)
def test_bad_classes_are_named_in_one_line(tmp_path, capsys, monkeypatch, text, complaint):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('surgsam2_ros.commands.console.require_nicegui', lambda: None)
    if text is not None:
        (tmp_path / 'classes.yaml').write_text(text)
    assert main(['console', '--classes', 'classes.yaml']) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert '--classes: classes classes.yaml' in line and complaint in line


def test_while_it_serves_it_gives_back_memory_that_it_needs_no_more(monkeypatch):
    pytest.importorskip('nicegui')
    names = []

    def serve(*_arguments, **_named):
        names.extend(thread.name for thread in threading.enumerate())

    monkeypatch.setattr('surgsam2_ros.commands.console._open', lambda *_: (None, ()))
    monkeypatch.setattr('surgsam2_ros.console.server.serve', serve)
    assert main(['console']) == 0
    assert 'heap' in names
    assert 'heap' not in {thread.name for thread in threading.enumerate()}
