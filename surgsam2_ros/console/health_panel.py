# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The part of the live page that shows how the node is doing and what can be set about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nicegui import run, ui

from surgsam2_ros.console.desk import DeskError
from surgsam2_ros.console.health import LatencyCurve, health, parameter_value, percentiles
from surgsam2_ros.console.live_desk import LiveDesk
from surgsam2_ros.console.panels import Operator, Panel, Place
from surgsam2_ros.nodes.client.run_time_parameters import changeable_parameters

if TYPE_CHECKING:
    from surgsam2_ros.nodes.tracker.parameters import ParameterSpec

_REFRESH_S = 1.0


def health_panel(desk: LiveDesk) -> Panel:
    """Return the panel."""
    return Panel('Node', Place.SIDE, lambda operator: _HealthWidgets(desk, operator))


class _HealthWidgets:
    """The elements of one page."""

    def __init__(self, desk: LiveDesk, operator: Operator) -> None:
        self._desk, self._operator = desk, operator
        self._curves = {camera: LatencyCurve() for camera in desk.cameras}
        self._shown: tuple | None = None
        with ui.row().classes('items-center'):
            self._state = ui.badge().mark('node-state')
            self._pause = ui.button(on_click=self._toggle).props('dense flat').mark('node-pause')
        self._words = ui.label().classes('text-sm').mark('node-words')
        self._figures = ui.label().classes('text-xs').style('white-space: pre-line')
        self._plot = ui.html('', sanitize=False).classes('w-full').mark('node-latency')
        self._buttons = ui.row().classes('gap-1')
        with ui.expansion('Parameters').classes('w-full') as expansion:
            self._fields = ui.column().classes('w-full gap-1')
        expansion.on_value_change(lambda event: self._show_parameters() if event.value else None)
        self._refresh()
        ui.timer(_REFRESH_S, self._refresh)

    @property
    def _node(self) -> Any:
        return self._desk.camera(self._operator.camera()).node

    def _refresh(self) -> None:
        camera, report = self._operator.camera(), self._node.report
        shown, now_s = health(report), time.monotonic()
        self._state.text = shown.state if shown.is_enabled else f'{shown.state}, paused'
        self._pause.text = 'pause' if shown.is_enabled else 'go on'
        self._pause.set_enabled(shown.can_pause)
        self._words.text = f'⚠ {shown.words}' if shown.is_problem else shown.words
        self._figures.text = '\n'.join(f'{name}: {text}' for name, text in shown.figures.items())
        if both := percentiles(report):
            self._curves[camera].add(now_s, *both)
        self._plot.content = self._curves[camera].svg(now_s)
        if (camera, shown.transitions) != self._shown:
            self._shown = camera, shown.transitions
            self._show_transitions(shown.transitions)

    def _show_transitions(self, transitions: tuple[str, ...]) -> None:
        self._buttons.clear()
        with self._buttons:
            for name in transitions:
                ui.button(name, on_click=lambda name=name: self._change_state(name)).props(
                    'dense outline size=sm'
                ).mark(f'node-{name}')

    async def _change_state(self, transition: str) -> None:
        node = self._node
        author = self._operator.name
        if await self._do(lambda: node.change_state(transition)):
            self._desk.tell(f'{node.name}: {transition}', author)

    async def _toggle(self) -> None:
        node = self._node
        await self._do(lambda: node.enable(not node.report.enabled))

    async def _show_parameters(self) -> None:
        node = self._node
        values: dict[str, Any] = {}
        if not await self._do(lambda: values.update(node.parameters())):
            return
        self._fields.clear()
        with self._fields:
            for spec in changeable_parameters():
                if spec.name in values:
                    self._field(spec, values[spec.name])

    def _field(self, spec: ParameterSpec, value: Any) -> None:
        async def change(event: Any) -> None:
            await self._set(spec, event.value)

        if spec.type == 'bool':
            field = ui.switch(spec.name, value=value, on_change=change)
        elif spec.choices:
            several = spec.type == 'string_array'
            field = ui.select(
                list(spec.choices), label=spec.name, value=value, multiple=several, on_change=change
            )
        else:
            field = ui.input(spec.name, value=str(value))
            field.on('change', lambda: self._set(spec, field.value))
        field.classes('w-full').props('dense').tooltip(spec.description)

    async def _set(self, spec: ParameterSpec, entered: Any) -> None:
        node = self._node

        def set_it() -> None:
            node.set_parameter(spec.name, parameter_value(spec, entered))

        if await self._do(set_it):
            self._desk.tell(f'{spec.name} of {node.name} is now {entered}', self._operator.name)

    async def _do(self, work: Callable[[], object]) -> bool:
        """Do what may block; False, and the operator is told why, when it failed."""
        try:
            await run.io_bound(work)
        except DeskError as error:
            self._operator.tell(str(error), is_problem=True)
            return False
        return True
