# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The time line as a part of the page: buttons, keys, and a strip that the browser draws."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nicegui import run, ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from surgsam2_ros.console.buttons import plain_button
from surgsam2_ros.console.desk import DeskError
from surgsam2_ros.console.label.label_desk import LabelDesk
from surgsam2_ros.console.label.timeline import TimeLine
from surgsam2_ros.console.label.timeline_buttons import GROUPS, LineButton
from surgsam2_ros.console.panels import Operator, Panel, Place

_REFRESH_S = 0.2
_ROW = 'display: flex; flex-wrap: wrap; align-items: center; '
_COUNTED = {
    'tracked': '#56b4e9',
    'accepted': '#009e73',
    'rejected': '#d55e00',
    'uncertain': '#e69f00',
}


class Strip(Element, component='static/timeline.js'):
    """The strip of frames; it sends `seek` with a frame, and `press` with a key and Shift."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        """Draw nothing yet; `keys` are those that it may take from the page."""
        super().__init__()
        self.props['keys'] = list(keys)
        self.props['state'] = {}

    def show(self, state: dict[str, Any]) -> None:
        """Draw this state (see `TimeLine.state`), when it is another one."""
        if self.props['state'] != state:
            self.props['state'] = state


def timeline_panel(desk: LabelDesk, dataset: Path) -> Panel:
    """Return the time line of a desk.

    Args:
        desk: over a recording.
        dataset: folder that exports go to.
    """

    def build(operator: Operator) -> None:
        _TimeLinePart(TimeLine(desk, dataset, operator.name), operator)

    keys = tuple((button.key, button.title) for group in GROUPS for button in group)
    return Panel('Time line', Place.BELOW, build, (*keys, ('T', 'the strip: plain letters do')))


class _TimeLinePart:
    """The elements of one open page."""

    def __init__(self, line: TimeLine, operator: Operator) -> None:
        self._line, self._operator = line, operator
        self._turn = asyncio.Lock()
        with ui.element('div').style('display: flex; flex-direction: column; gap: 6px'):
            with ui.element('div').style(f'{_ROW} column-gap: 14px'):
                for group in GROUPS:
                    with ui.element('div').style('display: flex; gap: 4px').props('role=group'):
                        for button in group:
                            self._make_button(button)
                self._work = ui.label().style('margin-left: auto; color: var(--muted)')
            self._strip = Strip(line.keys)
            self._strip.on('seek', self._on_seek, throttle=0.04)
            self._strip.on('press', self._on_press)
            with (
                ui.element('div')
                .style(f'{_ROW} gap: 2px 16px; color: var(--muted)')
                .classes('numbers')
            ):
                self._place = ui.label().style('color: var(--text); font-weight: 700')
                self._range = ui.label()
                self._counts = {name: _count(colour) for name, colour in _COUNTED.items()}
                ui.label('◆ prompts')
        ui.timer(_REFRESH_S, self._refresh)

    def _make_button(self, button: LineButton) -> None:
        made, _ = plain_button(button.title, button.icon, button.key, label=button.label)
        made.on('click', lambda: self._press(button.press, button.shift))
        # The keys stay with what had them.
        made.on('mousedown', js_handler='(event) => event.preventDefault()')

    async def _press(self, key: str, shift: bool) -> None:
        await self._do(lambda: self._line.press(key, shift=shift))

    async def _do(self, work: Callable[[], None]) -> None:
        """Work when all that was asked for before is done: a mark is where it was set."""
        async with self._turn:
            try:
                await run.io_bound(work)
            except DeskError as error:
                self._operator.tell(str(error), is_problem=True)
        await self._refresh()

    async def _on_press(self, event: GenericEventArguments) -> None:
        key, shift = str(event.args['key']), bool(event.args['shift'])
        if key in self._line.keys:
            await self._press(key, shift)

    async def _on_seek(self, event: GenericEventArguments) -> None:
        await self._do(lambda: self._line.go_to(int(event.args)))

    async def _refresh(self) -> None:
        state = await run.io_bound(self._line.state)
        if state is None:  # the server ends
            return
        self._strip.show(state)
        first, last = state['range']
        self._place.text = (
            f'Frame {state["position"]} of {state["frames"] - 1}   {state["seconds"]:.2f} s'
        )
        self._range.text = f'{"Marked" if state["marked"] else "Range"} {first} to {last}'
        for name, label in self._counts.items():
            label.text = f'{state[name]} {name}'
        self._work.text = state['work']


def _count(colour: str) -> ui.label:
    with ui.element('div').style('display: flex; align-items: center; gap: 6px'):
        ui.element('span').style(
            f'width: 10px; height: 10px; border-radius: 2px; background: {colour}'
        )
        return ui.label()
