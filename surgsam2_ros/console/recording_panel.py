# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The part of the live page that records, with one button."""

from __future__ import annotations

from nicegui import run, ui

from surgsam2_ros.console.buttons import plain_button
from surgsam2_ros.console.desk import DeskError
from surgsam2_ros.console.live_recording import LiveRecording
from surgsam2_ros.console.panels import Operator, Panel, Place

_REFRESH_S = 1.0


def recording_panel(recording: LiveRecording) -> Panel:
    """Return the panel."""
    return Panel('Recording', Place.SIDE, lambda operator: _build(recording, operator))


def _build(recording: LiveRecording, operator: Operator) -> None:
    async def toggle() -> None:
        try:
            await run.io_bound(recording.toggle, operator.name)
        except DeskError as error:
            operator.tell(str(error), is_problem=True)
        await refresh()

    async def refresh() -> None:
        # Asks for the free disk, and waits while a recording is being completed.
        state = await run.io_bound(lambda: recording.state)
        if state is None:  # the server ends
            return
        label.text = '■ stop' if state.name else '● record'
        words.text = state.text
        name.text = state.name

    with ui.row().style('align-items: center; gap: 8px'):
        button, label = plain_button('', label='● record')
        button.on('click', toggle)
        words = ui.label().style('font-size: 0.85rem')
    name = ui.label().style('font-size: 0.75rem; overflow-wrap: anywhere')
    ui.timer(_REFRESH_S, refresh)
