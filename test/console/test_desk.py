# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the page may call is there on every desk, with the same arguments."""

from __future__ import annotations

import inspect

import pytest
from memory_desk import MemoryDesk

from surgsam2_ros.console.desk import Desk, clean_name
from surgsam2_ros.console.label.label_desk import LabelDesk
from surgsam2_ros.console.live_desk import LiveDesk

METHODS = [name for name in vars(Desk) if not name.startswith('_')]


def arguments(desk: type, method: str) -> list[tuple]:
    parameters = inspect.signature(getattr(desk, method)).parameters.values()
    return [(each.name, each.kind, each.default) for each in parameters]


@pytest.mark.parametrize('desk', [LiveDesk, LabelDesk, MemoryDesk])
@pytest.mark.parametrize('method', METHODS)
def test_each_desk_takes_the_calls_of_the_page(desk, method):
    assert arguments(desk, method) == arguments(Desk, method)


@pytest.mark.parametrize(
    ('written', 'name'),
    [('  left hand ', 'left hand'), ('a\nb\x1b[31m', 'ab[31m'), ('x' * 70, 'x' * 60), (7, '7')],
)
def test_a_name_from_elsewhere_fits_in_a_line(written, name):
    assert clean_name(written) == name
