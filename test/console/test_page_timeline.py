# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The time line on the page of a recording, in a real Chromium."""

from __future__ import annotations

import time

import pytest
from console_browser import Page
from label_desks import HEIGHT, WIDTH, give, mask_prompt, open_desk, write_folder

from surgsam2_ros.console.label.timeline import TimeLine
from surgsam2_ros.console.label.timeline_panel import timeline_panel
from surgsam2_ros.console.server import ServerSettings, running

pytestmark = pytest.mark.browser


def test_keys_do_one_after_the_other_what_they_mean_however_fast_they_come(
    tmp_path, browser, monkeypatch
):
    mark_first = TimeLine.mark_first

    def mark_late(line):
        time.sleep(0.3)
        mark_first(line)

    monkeypatch.setattr(TimeLine, 'mark_first', mark_late)
    desk = open_desk(write_folder(tmp_path / 'frames', 12))
    for index in range(12):
        give(desk, index, mask_prompt(index))
    desk.go_to(2)
    panels = (timeline_panel(desk, tmp_path / 'set'),)
    with running(desk, ServerSettings(port=0), panels) as server:
        page = Page(browser, server.url, (HEIGHT, WIDTH))
        for key in ('Shift+BracketLeft', 'End', 'Shift+BracketRight', 'Shift+KeyA'):
            page.keys.press(key)
        page.wait_for_text('10 frames from 2 to 11 accepted')
        page.close()
    desk.close()
