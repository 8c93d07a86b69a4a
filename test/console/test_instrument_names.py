# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Names, classes and locks that operators give instruments."""

from __future__ import annotations

import pytest

from surgsam2_ros.console.desk import Description, DeskError
from surgsam2_ros.console.instrument_names import InstrumentNames, Naming


def test_what_is_not_given_stays_and_what_was_before_comes_back():
    names = InstrumentNames()
    names.change('/left', 'a', Description(name='Grasper', class_name='forceps'))
    before = names.change('/left', 'a', Description(locked=True))
    assert before == Naming('Grasper', 'forceps')
    assert names.of('/left', 'a') == Naming('Grasper', 'forceps', True)
    names.put('/left', 'a', before)
    assert names.of('/left', 'a') == before


def test_the_same_id_of_two_cameras_has_two_names():
    names = InstrumentNames()
    names.change('/left', 'a', Description(name='Grasper'))
    assert (names.called('/left', 'a'), names.called('/right', 'a')) == ('Grasper', 'a')


def test_an_empty_name_gives_the_id_back():
    names = InstrumentNames()
    names.change('/left', 'a', Description(name='Grasper'))
    names.change('/left', 'a', Description(name=''))
    assert names.called('/left', 'a') == 'a'


@pytest.mark.parametrize('text', ['two\nlines', 'x' * 61, '\x1b[31m'])
def test_what_cannot_be_shown_in_a_line_is_refused(text):
    for kind in ('name', 'class_name'):
        with pytest.raises(DeskError, match='is no name'):
            Description(**{kind: text})


def test_a_lock_is_told_by_the_name():
    names = InstrumentNames()
    names.require_unlocked('/left', 'a')
    names.change('/left', 'a', Description(name='Grasper', locked=True))
    with pytest.raises(DeskError, match='Grasper is locked; unlock it'):
        names.require_unlocked('/left', 'a')
