# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Instruments of a known class have its colour, in the picture and in the list."""

from __future__ import annotations

import numpy as np
import pytest
from console_browser import wait_until

from surgsam2_ros.console.desk import Instrument
from surgsam2_ros.drawing import instance_colour
from surgsam2_ros.instrument_classes import InstrumentClasses
from surgsam2_ros.tracking.states import TrackState

pytestmark = pytest.mark.browser

RED = (255, 10, 10)


@pytest.fixture(scope='module')
def desk_settings():
    return {'rate_hz': 10, 'classes': InstrumentClasses({'scissors': RED, 'hook': None})}


def put(desk, number: int, class_name: str) -> None:
    """Have the desk track a block, 1 on the left, 2 in the middle and 3 on the right."""
    mask = np.zeros((240, 320), bool)
    mask[100:150, 100 * number - 80 : 100 * number - 20] = True
    name = f'tool_{number}'
    desk.put(Instrument(name, number, name, class_name, TrackState.TRACKED, 0.9, 1.0), mask)


def wait_for_fill(page, number: int, colour) -> None:
    """Wait until the middle of a block is the picture with the light fill of a colour over it."""
    x, y, part = 100 * number - 50, 125, 64 / 255
    picture = (20 + 180 * x / 319, 20 + 180 * y / 239, 0)  # as MemoryDesk draws it
    mixed = [a * (1 - part) + b * part for a, b in zip(picture, colour, strict=True)]
    page.wait_for_colour(
        page.place(x, y),
        lambda seen: all(abs(a - b) <= 12 for a, b in zip(seen, mixed, strict=True)),
    )


def swatch(page, number: int) -> str:
    rows = page.page.locator(f'[data-object=tool_{number}] .swatch')
    return rows.evaluate('element => getComputedStyle(element).backgroundColor')


def css(colour) -> str:
    return 'rgb({}, {}, {})'.format(*colour)


def test_a_class_with_a_colour_gives_it_to_all_of_its_instruments(page, desk):
    put(desk, 1, 'scissors')
    put(desk, 2, 'hook')
    put(desk, 3, 'scissors')
    page.wait('operatorPage.board.picture.instruments.length === 3')
    page.page.locator('[data-object=tool_3]').wait_for()
    assert swatch(page, 1) == swatch(page, 3) == css(RED)
    assert swatch(page, 2) == css(instance_colour(2))
    wait_for_fill(page, 1, RED)
    wait_for_fill(page, 3, RED)
    wait_for_fill(page, 2, instance_colour(2))


def test_another_class_is_another_colour_at_once(page, desk):
    put(desk, 1, 'hook')
    page.page.locator('[data-object=tool_1]').wait_for()
    assert swatch(page, 1) == css(instance_colour(1))
    put(desk, 1, 'scissors')
    wait_until(lambda: swatch(page, 1) == css(RED), 'the colour of scissors')
    wait_for_fill(page, 1, RED)
