# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The part of the live page that records, with one button."""

from __future__ import annotations

from nicegui import run, ui

from surgsam2_ros.console.desk import DeskError
from surgsam2_ros.console.panels import Operator, Panel, Place
from surgsam2_ros.console.recording import Recording

_REFRESH_S = 1.0


def recording_panel(recording: Recording) -> Panel:
    """Return the panel."""
    return Panel('Recording', Place.SIDE, lambda operator: _build(recording, operator))


def _build(recording: Recording, operator: Operator) -> None:
    async def toggle() -> None:
        work = recording.stop if recording.state.name else recording.start
        button.disable()
        try:
            await run.io_bound(work, operator.name)
        except DeskError as error:
            operator.tell(str(error), is_problem=True)
        finally:
            button.enable()
            refresh()

    def refresh() -> None:
        state = recording.state
        button.text = 'stop recording' if state.name else 'record'
        button.props('color=negative' if state.name else 'color=primary')
        words.text = state.text
        name.text = state.name

    with ui.row().classes('items-center'):
        button = ui.button(on_click=toggle).props('dense').mark('record')
        words = ui.label().classes('text-sm').mark('recording-state')
    name = ui.label().classes('text-xs')
    refresh()
    ui.timer(_REFRESH_S, refresh)
