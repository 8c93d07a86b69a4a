# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A page whose server goes away and comes back, in a real Chromium."""

from __future__ import annotations

import pytest
from console_browser import Page, chromium, wait_until
from memory_desk import MemoryDesk

from surgsam2_ros.console.server import ServerSettings, running

pytestmark = pytest.mark.browser


def test_a_server_that_went_away_is_told_and_reached_again():
    with chromium() as browser:
        with running(MemoryDesk(rate_hz=10), ServerSettings(port=0)) as server:
            port = server.port
            page = Page(browser, server.url)
            page.page.evaluate('window.isOld = true')
        page.wait_for_text('Connection lost')
        page.click(100, 120)
        page.keys.press('Enter')
        page.wait_for_text('not connected, so nothing was sent')
        later = MemoryDesk(rate_hz=10)
        with running(later, ServerSettings(port=port)):
            # It loads itself again: the new server knows nothing of what the old one sent.
            page.wait('!window.isOld && window.operatorPage?.board.picture')
            page.wait('window.socket.connected')
            page.begin_anew()
            page.click(200, 120)
            page.keys.press('Enter')
            wait_until(lambda: later.given, 'a prompt of the page that came back')
            page.close()
