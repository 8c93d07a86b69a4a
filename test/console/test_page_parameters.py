# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of a real node, set on its page in a real Chromium."""

from __future__ import annotations

import os

import pytest
from console_browser import Page, wait_until
from live_stage import PATIENCE_S, live_stage
from node_processes import HEIGHT, WIDTH

from surgsam2_ros.console.health_panel import health_panel
from surgsam2_ros.console.live_desk import LiveDesk
from surgsam2_ros.console.server import ServerSettings, running
from surgsam2_ros.instrument_classes import InstrumentClasses

pytestmark = pytest.mark.browser


@pytest.fixture(name='stage')
def _stage():
    with live_stage(f'/page_parameters_{os.getpid()}') as stage:
        yield stage


@pytest.fixture(name='page')
def _page(stage, browser):
    desk = LiveDesk([stage.target], InstrumentClasses({}), timeout_s=PATIENCE_S)
    try:
        with running(desk, ServerSettings(port=0), (health_panel(desk),)) as server:
            page = Page(browser, server.url, (HEIGHT, WIDTH))
            yield page
            page.close()
    finally:
        desk.close()


def test_what_is_typed_holds_and_what_is_refused_gives_way(stage, page):
    page.page.locator('.q-expansion-item .q-item').first.click()
    entry = page.page.get_by_label('output.overlay_opacity')
    assert entry.input_value() == '0.22'
    entry.fill('0.5')
    entry.press('Enter')
    wait_until(lambda: stage.node.parameters.output.overlay_opacity == 0.5, 'the parameter')
    page.wait_for_text('output.overlay_opacity of')
    entry.fill('7')
    entry.press('Enter')
    page.wait("document.querySelector('[aria-label=\"output.overlay_opacity\"]').value === '0.5'")
    assert stage.node.parameters.output.overlay_opacity == 0.5
