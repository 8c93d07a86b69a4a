# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the page says of a desk whose pictures do not come by themselves; in a real Chromium."""

from __future__ import annotations

from typing import Any

import pytest
from console_browser import Page

from surgsam2_ros.console.desk import Mode

pytestmark = pytest.mark.browser


@pytest.fixture(scope='module')
def desk_settings() -> dict[str, Any]:
    return {'rate_hz': 0, 'mode': Mode.LABEL}


def test_the_status_speaks_of_a_frame_and_not_of_live_pictures(page):
    assert page.text('.mode') == 'Label'
    assert page.text('#status-stands') == ''
    facts = page.text('#status-text')
    assert 'frame ' in facts
    assert 'fps' not in facts


def test_a_frozen_picture_is_told_and_one_that_goes_on_is_no_live_one(page):
    page.keys.press('Space')
    page.wait("document.getElementById('status-stands').textContent === 'Frozen'")
    page.keys.press('Space')
    page.wait("document.getElementById('status-stands').textContent === ''")


def test_a_picture_that_stays_is_no_silence(page):
    waits = _waits_told(page)
    page.wait(waits)  # the server has said that no new picture came
    assert page.page.locator('#trouble').is_hidden()


def _waits_told(page: Page) -> str:
    """Have the page note what the server says, and return the script that waits for it."""
    page.page.evaluate(
        """() => {
            window.toldS = 0;
            operatorPage.board.stream.socket.addEventListener('message', (event) => {
                if (typeof event.data === 'string') window.toldS = JSON.parse(event.data).waiting;
            });
        }"""
    )
    return 'window.toldS >= 2.5'
