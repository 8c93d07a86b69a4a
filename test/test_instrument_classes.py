# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The file of instrument classes: names in order, colours, and one sentence when it is bad."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from repository import REPO

from surgsam2_ros.drawing import instance_colour
from surgsam2_ros.instrument_classes import NO_CLASSES, ClassesError, read_classes


@pytest.fixture(name='read')
def _read(tmp_path):
    def read(text: str | bytes):
        path = tmp_path / 'classes.yaml'
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_classes(path)

    return read


def one(class_name: str, instance: int = 2):
    return SimpleNamespace(class_name=class_name, instance=instance)


def test_an_instrument_has_the_colour_of_its_class_or_else_its_own(read):
    classes = read('scissors: [10, 20, 30]\n# kinds\nhook:\n')
    assert classes.names == ('scissors', 'hook')
    assert classes.colour_of(one('scissors', 2)) == (10, 20, 30)
    assert classes.colour_of(one('scissors', 5)) == (10, 20, 30)
    for name in ('hook', 'unheard of', ''):
        assert classes.colour_of(one(name)) == instance_colour(2)


def test_black_is_a_colour(read):
    assert read('hook: [0, 0, 0]').colour_of(one('hook')) == (0, 0, 0)


def test_no_file_is_no_classes():
    assert read_classes('') == NO_CLASSES
    assert NO_CLASSES.names == () and NO_CLASSES.colour_of(one('hook')) == instance_colour(2)


def test_the_shipped_file_has_the_names_of_the_prepared_endovis_data(monkeypatch, tmp_path):
    from surgsam2_ros.datasets.endovis17 import TYPES

    monkeypatch.chdir(tmp_path)
    classes = read_classes('config/classes.yaml')
    assert set(classes.names) >= set(TYPES.values()) - {'other'}
    assert None not in classes.colours.values()
    assert len(set(classes.colours.values())) == len(classes.names)
    assert classes == read_classes(REPO / 'config' / 'classes.yaml')


@pytest.mark.parametrize(
    ('text', 'complaint'),
    [
        ('', 'has no names with colours; write lines as "needle_driver: '),
        ('scissors\nhook\n', 'has no names with colours; write lines as'),
        ('- scissors\n', 'has no names with colours; write lines as'),
        ('scissors: [1, 2', r'cannot be read \(.*\); write lines as'),
        (b'\xff\xfe\x00', r'cannot be read \(.*\); write lines as'),
        ('scissors: red', "the colour of scissors is 'red'; give red, green and blue from 0 to"),
        ('scissors: [1, 2]', r'the colour of scissors is \[1, 2\]; give red, green and blue'),
        ('scissors: [1, 2, 256]', r'the colour of scissors is \[1, 2, 256\]; give red'),
        ('scissors: [1, 2, true]', r'the colour of scissors is \[1, 2, True\]; give red'),
        ('scissors: [1, 2, 3.5]', r'the colour of scissors is \[1, 2, 3.5\]; give red'),
        ('7: [1, 2, 3]', '7 is no name of a class; write it in quotes'),
        ('"": [1, 2, 3]', "'' is no name of a class"),
        ('"a\\tb": [1, 2, 3]', r"the name 'a\\tb' is not printable"),
        (f'{"x" * 257}: [1, 2, 3]', r"the name 'x{40}' is not printable, or longer than 256 char"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong_and_what_to_write(read, text, complaint):
    with pytest.raises(ClassesError, match=complaint) as caught:
        read(text)
    assert 'classes.yaml' in str(caught.value) and '\n' not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ClassesError, match=r'gone\.yaml does not exist, neither .* name a YAML'):
        read_classes('gone.yaml')
    with pytest.raises(ClassesError, match=r'gone\.yaml cannot be read'):
        read_classes(tmp_path / 'gone.yaml')
    with pytest.raises(ClassesError, match='cannot be read'):
        read_classes(tmp_path)
