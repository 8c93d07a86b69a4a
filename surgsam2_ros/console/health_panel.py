# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The part of the live page that shows how the node is doing and what can be set about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nicegui import run, ui

from surgsam2_ros.console.buttons import TextInput, plain_button
from surgsam2_ros.console.desk import DeskError
from surgsam2_ros.console.health import LatencyCurve, health, parameter_value, percentiles
from surgsam2_ros.console.live_desk import LiveDesk
from surgsam2_ros.console.panels import Operator, Panel, Place
from surgsam2_ros.nodes.client.run_time_parameters import changeable_parameters

if TYPE_CHECKING:
    from surgsam2_ros.nodes.tracker.parameters import ParameterSpec

_REFRESH_S = 1.0
_SMALL = 'font-size: 0.85rem'


def health_panel(desk: LiveDesk) -> Panel:
    """Return the panel."""
    return Panel('Node', Place.SIDE, lambda operator: _HealthWidgets(desk, operator))


class _HealthWidgets:
    """The elements of one page."""

    def __init__(self, desk: LiveDesk, operator: Operator) -> None:
        self._desk, self._operator = desk, operator
        self._curves = {camera: LatencyCurve() for camera in desk.cameras}
        self._shown: tuple | None = None
        with ui.row().style('align-items: center; gap: 8px'):
            self._state = ui.label().style('font-weight: 600')
            self._pause, self._pause_text = plain_button('', label='pause')
            self._pause.on('click', self._toggle)
        self._words = ui.label().style(_SMALL)
        self._figures = ui.label().style(f'{_SMALL}; white-space: pre-line; opacity: 0.8')
        self._plot = ui.html('', sanitize=False).style('width: 100%')
        self._scale = ui.label().style('font-size: 0.75rem; opacity: 0.7')
        self._buttons = ui.row().style('gap: 4px')
        with ui.expansion('Parameters').style('width: 100%') as expansion:
            self._fields = ui.column().style('width: 100%; gap: 6px')
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
        self._pause_text.text = 'pause' if shown.is_enabled else 'go on'
        self._pause.visible = shown.can_pause
        self._words.text = f'⚠ {shown.words}' if shown.is_problem else shown.words
        self._figures.text = '\n'.join(f'{name}: {text}' for name, text in shown.figures.items())
        if both := percentiles(report):
            self._curves[camera].add(now_s, *both)
        curve = self._curves[camera]
        self._plot.content = curve.svg(now_s)
        self._scale.text = f'latency of the last minute, 0 to {curve.top_ms:.0f} ms'
        if (camera, shown.transitions) != self._shown:
            self._shown = camera, shown.transitions
            self._show_transitions(shown.transitions)

    def _show_transitions(self, transitions: tuple[str, ...]) -> None:
        self._buttons.clear()
        with self._buttons:
            for name in transitions:
                button, _ = plain_button('', label=name)
                button.on('click', lambda name=name: self._change_state(name))

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
        """Make the control of one parameter, which sets it when it is changed."""
        with ui.column().style('gap: 2px; width: 100%') as field:
            if spec.type == 'bool':
                ui.switch(
                    spec.name, value=value, on_change=lambda event: self._set(spec, event.value)
                )
            else:
                ui.label(spec.name).style(_SMALL)
                if spec.type == 'string_array':
                    self._choices(spec, list(value))
                else:
                    self._entry(spec, value)
        field.props['title'] = spec.description

    def _choices(self, spec: ParameterSpec, chosen: list[str]) -> None:
        async def change(choice: str, wanted: bool) -> None:
            chosen[:] = [one for one in chosen if one != choice] + [choice] * wanted
            await self._set(spec, [one for one in spec.choices if one in chosen])

        for choice in spec.choices:
            ui.switch(
                choice,
                value=choice in chosen,
                on_change=lambda event, choice=choice: change(choice, event.value),
            )

    def _entry(self, spec: ParameterSpec, value: Any) -> None:
        entry = TextInput()
        entry.props.update({'aria-label': spec.name, 'value': str(value)})

        async def change(entered: str) -> None:
            if await self._set(spec, entered):
                entry.props['value'] = entered
                entry.update()
            else:
                entry.restore()

        entry.on(
            'change',
            lambda event: change(str(event.args)),
            js_handler='(e) => emit(e.target.value)',
        )

    async def _set(self, spec: ParameterSpec, entered: Any) -> bool:
        """Set a parameter; False, and the operator is told why, when it was refused."""
        node = self._node

        def set_it() -> None:
            node.set_parameter(spec.name, parameter_value(spec, entered))

        done = await self._do(set_it)
        if done:
            self._desk.tell(f'{spec.name} of {node.name} is now {entered}', self._operator.name)
        return done

    async def _do(self, work: Callable[[], object]) -> bool:
        """Do what may block; False, and the operator is told why, when it failed."""
        try:
            await run.io_bound(work)
        except DeskError as error:
            self._operator.tell(str(error), is_problem=True)
            return False
        return True
