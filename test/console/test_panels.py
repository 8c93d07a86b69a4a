# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The parts of the page that each mode has, as a browser is given them."""

from __future__ import annotations

import httpx
from label_desks import write_folder
from tiny_network import tiny_network

from surgsam2_ros.console.health_panel import health_panel
from surgsam2_ros.console.label.opening import open_label_desk
from surgsam2_ros.console.label.timeline import TimeLine
from surgsam2_ros.console.label.timeline_buttons import GROUPS
from surgsam2_ros.console.live_desk import LiveDesk
from surgsam2_ros.console.live_recording import LiveRecording
from surgsam2_ros.console.recording_panel import recording_panel
from surgsam2_ros.console.server import ServerSettings, running


def page_of(desk, panels) -> str:
    with running(desk, ServerSettings(port=0), panels) as server:
        answer = httpx.get(server.url, timeout=60)
    assert answer.status_code == 200
    return answer.text


def test_beside_a_node_that_is_not_there_are_its_health_and_a_button_that_records(tmp_path):
    desk = LiveDesk(['/nobody'])
    try:
        recording = LiveRecording(desk, tmp_path)
        page = page_of(desk, (health_panel(desk), recording_panel(recording)))
    finally:
        desk.close()
    for text in ('Node', 'not there: it was not started', 'Recording', '● record'):
        assert text in page


def test_over_a_recording_is_a_time_line_with_all_its_buttons(tmp_path):
    desk, panels = open_label_desk(write_folder(tmp_path / 'frames', 3), tiny_network())
    try:
        page = page_of(desk, panels)
        for button in (button for group in GROUPS for button in group):
            assert f'{button.title} ({button.key})' in page
    finally:
        desk.close()


def test_each_button_of_the_time_line_presses_a_key_that_it_has(tmp_path):
    desk, _ = open_label_desk(write_folder(tmp_path / 'frames', 3), tiny_network())
    try:
        line = TimeLine(desk, tmp_path / 'dataset', 'ann')
        buttons = [button for group in GROUPS for button in group]
        assert {button.press for button in buttons} == set(line.keys)
        assert all(button.key.startswith('Shift') for button in buttons if button.shift)
    finally:
        desk.close()
