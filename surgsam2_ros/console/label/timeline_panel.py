# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The time line as a part of the page: buttons, keys, and a strip that is drawn by the browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nicegui import run, ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from surgsam2_ros.console.desk import DeskError
from surgsam2_ros.console.label.label_desk import LabelDesk
from surgsam2_ros.console.label.timeline import TimeLine
from surgsam2_ros.console.panels import Operator, Panel, Place

_REFRESH_S = 0.2

Do = Callable[..., Any]

_BUTTONS = (  # icon, words, key, what it says; None parts groups
    ('first_page', '', 'Home', 'First frame (Home)', lambda line: line.go_to(0)),
    ('chevron_left', '', '', 'One back (Left), ten with Shift', lambda line: line.move(-1)),
    ('chevron_right', '', '', 'One on (Right), ten with Shift', lambda line: line.move(1)),
    ('last_page', '', 'End', 'Last frame (End)', lambda line: line.press('End')),
    None,
    ('skip_previous', '', '', 'Uncertain frame before (Shift U)', lambda t: t.go_to_uncertain(-1)),
    ('warning_amber', 'Uncertain', 'U', 'Next uncertain frame', lambda t: t.go_to_uncertain(1)),
    None,
    ('fast_rewind', 'Backwards', 'B', 'Carry masks backwards', lambda line: line.propagate(-1)),
    ('fast_forward', 'Propagate', 'P', 'Carry masks forwards', lambda line: line.propagate(1)),
    ('stop', 'Stop', 'S', 'Stop after this frame', lambda line: line.stop()),
    None,
    ('start', '', '', 'The range begins here ( [ )', lambda line: line.mark_first()),
    ('keyboard_tab', '', '', 'The range ends here ( ] )', lambda line: line.mark_last()),
    ('check', 'Accept', 'A', 'Accept the range', lambda line: line.accept()),
    ('close', 'Reject', 'R', 'Reject the range', lambda line: line.reject()),
    ('backspace', 'Clear', 'X', 'Take verdicts of the range back', lambda line: line.clear()),
    None,
    (
        'drive_folder_upload',
        'Export',
        'E',
        'Write accepted frames as a data set; with Shift all that were not rejected',
        lambda line: line.export(),
    ),
)


class Strip(Element, component='static/timeline.js'):
    """The strip of frames; it sends `seek` with a frame and `key` with a key and Shift."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        """Draw nothing yet; `keys` are those that it may take from the page."""
        super().__init__()
        self._props['keys'] = list(keys)
        self._props['state'] = {}

    def show(self, state: dict[str, Any]) -> None:
        """Draw this state (see `TimeLine.state`), when it is another one."""
        if self._props['state'] != state:
            self._props['state'] = state
            self.update()


def timeline_panel(desk: LabelDesk, dataset: Path) -> Panel:
    """Return the time line of a desk.

    Args:
        desk: over a recording.
        dataset: folder that exports go to.
    """

    def build(operator: Operator) -> None:
        _build(TimeLine(desk, dataset, operator.name), operator)

    return Panel('Time line', Place.BELOW, build)


def _build(line: TimeLine, operator: Operator) -> None:
    async def do(work: Do, *arguments: Any, **named: Any) -> None:
        try:
            await run.io_bound(work, *arguments, **named)
        except DeskError as error:
            operator.tell(str(error), is_problem=True)
        await refresh()

    async def on_key(event: GenericEventArguments) -> None:
        await do(line.press, str(event.args['key']), shift=bool(event.args['shift']))

    async def on_seek(event: GenericEventArguments) -> None:
        await do(line.go_to, int(event.args))

    async def refresh() -> None:
        state = await run.io_bound(line.state)
        if state is None:  # the server ends
            return
        strip.show(state)
        frame.text = f'{state["position"]}'
        of.text = f'/ {state["frames"] - 1}   {state["seconds"]:.2f} s'
        first, last = state['range']
        span.text = f'{"range" if state["marked"] else "around"} {first} to {last}'
        for name, label in counts.items():
            label.text = f'{state[name]} {name}'
        work.text = state['work']
        bar.value = state['share']
        bar.visible = bool(state['work'])

    with ui.column().classes('w-full').style('gap: 6px'):
        with ui.row().classes('w-full items-center').style('gap: 2px 4px; row-gap: 2px'):
            for button in _BUTTONS:
                _add_button(button, line, do)
        strip = Strip(line.keys).style('width: 100%')
        strip.on('seek', on_seek, throttle=0.04)
        strip.on('key', on_key)
        with ui.row().classes('w-full items-center').style('gap: 4px 14px; font-size: 0.85rem'):
            with ui.row().classes('items-baseline').style('gap: 4px'):
                frame = ui.label().style('font-weight: 600; font-size: 1.05rem').mark('frame')
                of = ui.label().style('opacity: 0.7; white-space: pre')
            span = ui.label().style('opacity: 0.7')
            counts = {
                name: _count(name, sign)
                for name, sign in (
                    ('tracked', '#56b4e9'),
                    ('accepted', '#009e73'),
                    ('rejected', '#d55e00'),
                    ('uncertain', '#e69f00'),
                )
            }
            ui.element('div').style('flex: 1')
            work = ui.label().style('opacity: 0.8')
            bar = ui.linear_progress(0.0, show_value=False).style('width: 120px')
            bar.visible = False
    ui.timer(_REFRESH_S, refresh)


def _add_button(button: tuple | None, line: TimeLine, do: Do) -> None:
    if button is None:
        ui.separator().props('vertical').style('height: 22px; margin: 0 4px; align-self: center')
        return
    icon, words, key, says, work = button
    made = ui.button(words, icon=icon, on_click=lambda: do(work, line)).props('flat dense no-caps')
    made.style('min-width: 30px; padding: 0 5px')
    tip = f'{says} ({key})' if key and words else says
    made.tooltip(tip).props(f'aria-label="{tip}"')


def _count(name: str, colour: str) -> ui.label:
    with ui.row().classes('items-center').style('gap: 5px'):
        ui.element('span').style(
            f'width: 10px; height: 10px; border-radius: 2px; background: {colour}'
        )
        return ui.label(name)
