# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The list of instruments: what each is, how far to trust it, and what can be done to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from surgsam2_ros.console.buttons import command_button, text, text_input
from surgsam2_ros.console.desk import Instrument
from surgsam2_ros.console.icons import icon, state_icon
from surgsam2_ros.instrument_classes import InstrumentClasses
from surgsam2_ros.tracking.states import TrackState

STATE_WORDS = {
    TrackState.TENTATIVE: ('New', 'seen, but not confirmed by enough pictures yet'),
    TrackState.TRACKED: ('Tracked', 'seen and confirmed'),
    TrackState.OCCLUDED: ('Out of sight', 'not seen in this picture; expected back'),
    TrackState.LOST: ('Lost', 'not seen for long'),
    TrackState.UNCERTAIN: (
        'Uncertain',
        'seen, but the mask is not good enough to act on, or lies on another',
    ),
}
CALLS_FOR_ATTENTION = (TrackState.OCCLUDED, TrackState.LOST, TrackState.UNCERTAIN)
_CLASSES = 'instrument-classes'

Describe = Callable[..., Awaitable[None]]


class InstrumentsPanel:
    """Rows of the instruments of one camera; changes only what changed."""

    def __init__(
        self, classes: InstrumentClasses, describe: Describe, on_new_class: Callable[[str], None]
    ) -> None:
        """Make the panel within the current element.

        Args:
            classes: to choose from, and their colours.
            describe: awaited with the object id and `name=` or `class_name=`.
            on_new_class: is told the class of instruments that are started from now on.
        """
        self._describe, self._classes = describe, classes
        self._rows: dict[str, _Row] = {}
        with ui.element('datalist') as choices:
            choices.props['id'] = _CLASSES
            for name in classes.names:
                ui.element('option').props['value'] = name
        with ui.element('div').classes('new-instrument'):
            command_button('new', 'add', 'Prompt a new instrument', 'N', label='New instrument')
            text_input('Class', '', on_new_class, choices=_CLASSES, classes='class-input')
        self._list = ui.element('div').classes('instruments')
        self._list.props['role'] = 'list'
        with self._list:
            self._empty = text(
                'Nothing is tracked. Click on an instrument in the picture, or drag a box around '
                'it, then press Enter.',
                classes='empty',
            )

    def show(self, instruments: tuple[Instrument, ...]) -> None:
        """Bring the rows up to date."""
        known = {instrument.object_id for instrument in instruments}
        for object_id in [each for each in self._rows if each not in known]:
            self._rows.pop(object_id).element.delete()
        for number, instrument in enumerate(instruments, 1):
            row = self._rows.get(instrument.object_id)
            if row is not None and row.number == number and row.instance == instrument.instance:
                row.show(instrument)
                continue
            if row is not None:
                row.element.delete()
            with self._list:
                self._rows[instrument.object_id] = _Row(
                    number, instrument, self._classes, self._describe
                )
        self._empty.set_visibility(not instruments)


class _Row:
    """One instrument."""

    def __init__(
        self,
        number: int,
        instrument: Instrument,
        classes: InstrumentClasses,
        describe: Describe,
    ) -> None:
        self.number, self.instance = number, instrument.instance
        self._classes = classes
        self._shown: Instrument | None = None
        object_id = instrument.object_id

        async def rename(name: str) -> None:
            await describe(object_id, name=name)
            if not name.strip():  # that is refused
                self._name_input.restore()

        async def reclass(class_name: str) -> None:
            await describe(object_id, class_name=class_name)

        self.element = ui.element('div').classes('instrument')
        self.element.props['role'] = 'listitem'
        self.element.props['data-object'] = object_id
        with self.element:
            self._swatch = text(str(number) if number < 10 else '', classes='swatch')
            with ui.element('button').classes('name') as name:
                name.props.update({'type': 'button', 'data-command': 'select'})
                self._name = text()
            with ui.element('div').classes('trust'):
                ui.html(_SPARK, sanitize=False).classes('spark')
                text(f'{instrument.score:.2f}', classes='score')
            with ui.element('div').classes('state') as self._state:
                self._sign = ui.html('', sanitize=False)
                self._word = text(classes='word')
                self._class = text(classes='class')
            self._mend = command_button('mend', 'prompt', 'Freeze and click', 'F', label='Fix')
            self._mend.classes('mend')
            with ui.element('div').classes('details'):
                self._name_input = text_input('Name', '', rename, classes='name-input')
                self._class_input = text_input(
                    'Class', '', reclass, choices=_CLASSES, classes='class-input'
                )
                self._lock = command_button('lock', 'lock', 'Lock or unlock', 'L', label='Lock')
                command_button('remove', 'remove', 'Remove', 'Delete', label='Remove')
            self._locked = ui.html(icon('lock'), sanitize=False).classes('locked')
        self.show(instrument)

    def show(self, instrument: Instrument) -> None:
        before, self._shown = self._shown, instrument
        if before is None or before.name != instrument.name:
            self._name.set_text(instrument.name)
            _set(self._name_input, 'value', instrument.name)
        if before is None or before.class_name != instrument.class_name:
            self._class.set_text(instrument.class_name)
            _set(self._class_input, 'value', instrument.class_name)
            red, green, blue = self._classes.colour_of(instrument)
            self._swatch.style(f'background: rgb({red}, {green}, {blue})')
        if before is None or before.state != instrument.state:
            calls = instrument.state in CALLS_FOR_ATTENTION
            self._sign.set_content(state_icon(instrument.state))
            word, meaning = STATE_WORDS[instrument.state]
            self._word.set_text(word)
            _set(self._state, 'title', meaning)
            self.element.classes(
                add='attention' if calls else '', remove='' if calls else 'attention'
            )
            _set(self._state, 'data-state', instrument.state.name)
            self._mend.set_visibility(calls)
        if before is None or before.locked != instrument.locked:
            self._locked.set_visibility(instrument.locked)
            _set(self._lock, 'data-locked', str(instrument.locked).lower())


_SPARK = (
    '<svg viewBox="0 0 80 22" preserveAspectRatio="none" role="img" '
    'aria-label="score over the last 10 seconds"><path d="M0 21.5H80" class="ground"/>'
    '<polyline points=""/></svg>'
)


def _set(element: ui.element, name: str, value: Any) -> None:
    element.props[name] = value
    element.update()
