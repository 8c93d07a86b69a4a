# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A page whose server is killed and started again, in a real Chromium."""

from __future__ import annotations

import signal
import socket
import sys

import pytest
from console_browser import Page, chromium
from repository import REPO

pytestmark = pytest.mark.browser

SERVE = """
import sys
sys.path.insert(0, 'test/support')
from memory_desk import MemoryDesk
from surgsam2_ros.console.server import ServerSettings, serve
serve(MemoryDesk(rate_hz=10), ServerSettings(port=int(sys.argv[1])))
"""


def test_a_server_that_was_killed_is_told_and_reached_again(start_process):
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, '-c', SERVE, str(port)]
    server = start_process(command, cwd=REPO)
    server.wait_for_output('console: ', 120)
    with chromium() as browser:
        page = Page(browser, f'http://127.0.0.1:{port}/')
        page.page.evaluate('window.isOld = true')
        server.signal(signal.SIGKILL)
        page.wait_for_text('Connection lost')
        page.click(100, 120)
        page.keys.press('Enter')
        page.wait_for_text('not connected, so nothing was sent')
        start_process(command, cwd=REPO).wait_for_output('console: ', 120)
        # The page loads itself again: the new server knows nothing of what the old one sent.
        page.wait('!window.isOld && window.operatorPage?.board.picture')
        page.wait('window.socket.connected && document.getElementById("trouble").hidden')
        page.click(200, 120)
        page.keys.press('Enter')
        page.page.locator('.instrument').wait_for(state='visible')
        page.close()
