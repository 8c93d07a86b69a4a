# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The page: what stands where, and what it is told of what others do.

Python makes the elements and the list of instruments; the picture and all gestures are the scripts'
in `static/`, which call back through `calls`.
"""

from __future__ import annotations

import json
import logging
from urllib.parse import unquote

from fastapi import Request
from nicegui import Client, ui

from surgsam2_ros.console.buttons import command_button, text
from surgsam2_ros.console.calls import Calls
from surgsam2_ros.console.desk import DeskError, Mode, clean_name
from surgsam2_ros.console.help_panel import build_help
from surgsam2_ros.console.instruments_panel import InstrumentsPanel
from surgsam2_ros.console.panels import Operator, Panel, Place
from surgsam2_ros.console.session import Console, Session
from surgsam2_ros.console.toolbar import build_bar, build_tools
from surgsam2_ros.drawing import label_palette

_log = logging.getLogger(__name__)
_REFRESH_S = 0.25
_PALETTE = label_palette().tolist()
_HEAD = (
    '<link rel="stylesheet" href="/console/console.css">'
    '<script type="module" src="/console/main.js"></script>'
)


def build_page(console: Console, request: Request, client: Client) -> None:
    """Build one page for one visitor."""
    session = console.open_session(unquote(request.cookies.get('operator', '')))
    client.on_delete(lambda: console.sessions.pop(session.key, None))
    _Page(console, session, client)


class _Page:
    """One open page."""

    def __init__(self, console: Console, session: Session, client: Client) -> None:
        self._console, self._session, self._client = console, session, client
        self._newest_notice: int | None = None
        self._trouble = ''
        calls = Calls(console, session, client)
        ui.add_head_html(_HEAD)
        ui.on('operator_call', calls.on_call)
        operator = Operator(session.name, lambda: session.camera, self._tell)
        below = [panel for panel in console.panels if panel.place is Place.BELOW]
        side = [panel for panel in console.panels if panel.place is Place.SIDE]
        with ui.element('div').classes('console'):
            build_bar(console.desk.mode, console.desk.cameras, session.name, self._look)
            with ui.element('div').classes('middle'):
                build_tools()
                self._build_stage()
                with ui.element('aside').classes('side'):
                    with ui.element('section').classes('panel instruments-panel'):
                        self._list = InstrumentsPanel(
                            console.desk.classes,
                            lambda object_id, **what: self._describe(calls, object_id, what),
                            lambda class_name: setattr(calls, 'new_class', clean_name(class_name)),
                        )
                    for panel in side:
                        _build_panel(panel, operator)
            if below:
                with ui.element('footer').classes('below'):
                    for panel in below:
                        _build_panel(panel, operator)
        build_help(console.panels)
        ui.timer(_REFRESH_S, self._refresh)

    def _build_stage(self) -> None:
        with ui.element('main').classes('stage').props('id=stage'):
            canvas = ui.element('canvas').props('id=picture tabindex=0 role=application')
            canvas.props['aria-label'] = 'Picture; arrows move a cross, ? lists all keys'
            canvas.props['data-settings'] = json.dumps(
                {
                    'page': self._session.key,
                    'camera': self._session.camera,
                    'live': self._console.desk.mode is Mode.LIVE,
                    'palette': _PALETTE,
                    'classColours': {
                        name: colour
                        for name, colour in self._console.desk.classes.colours.items()
                        if colour is not None
                    },
                }
            )
            with ui.element('div').classes('over top'):
                text(element_id='trouble', classes='chip trouble').props('hidden role=status')
                text(element_id='hint', classes='chip hint').props('hidden role=status')
            bottom = ui.element('div').classes('over bottom')
            with bottom, ui.element('div').classes('pending').props('id=pending hidden'):
                text(element_id='pending-text').props('role=status')
                command_button('undo', 'undo', 'Take back', 'Ctrl+Z')
                command_button('drop', 'drop', 'Drop', 'Escape', label='Drop')
                send = command_button('send', 'send', 'Send', 'Enter', label='Send')
                send.classes('primary')
            ui.element('div').classes('toasts').props('id=toasts role=log aria-live=polite')

    def _look(self, camera: str) -> None:
        if camera in self._console.desk.cameras:
            self._session.camera = camera
            self._client.run_javascript(f'operatorPage.look({json.dumps(camera)})')

    def _tell(self, sentence: str, is_problem: bool = False, author: str = '') -> None:
        about = json.dumps({'author': author, 'isProblem': is_problem})
        self._client.run_javascript(f'operatorPage.toast({json.dumps(sentence)}, {about})')

    async def _describe(self, calls: Calls, object_id: str, what: dict[str, str]) -> None:
        asked = {'camera': self._session.camera, 'object_id': object_id, **what}
        answer = await calls.answer('describe', asked)
        if 'problem' in answer:
            self._tell(answer['problem'], is_problem=True)

    async def _refresh(self) -> None:
        """Show instruments and notices as of now, what anybody did to them included."""
        desk, camera = self._console.desk, self._session.camera
        try:
            instruments = await self._console.call(desk.instruments, camera)
            notices = await self._console.call(desk.notices, self._newest_notice or 0)
        except DeskError as error:
            self._tell_trouble(str(error))
            return
        except Exception:
            _log.exception('the instruments could not be listed')
            self._tell_trouble('The instruments could not be listed; the log says why')
            return
        self._trouble = ''
        if camera == self._session.camera:
            self._list.show(instruments)
        # What happened before the page was opened is no news.
        is_news = self._newest_notice is not None
        self._newest_notice = max([self._newest_notice or 0, *(each.serial for each in notices)])
        for notice in notices if is_news else ():
            author = 'You' if notice.author == self._session.name else notice.author
            self._tell(notice.text, notice.is_problem, f'{author}:' if author else '')

    def _tell_trouble(self, sentence: str) -> None:
        """Tell a lasting trouble once."""
        if sentence != self._trouble:
            self._tell(sentence, is_problem=True)
        self._trouble = sentence


def _build_panel(panel: Panel, operator: Operator) -> None:
    with ui.element('section').classes('panel'):
        with ui.element('h2'):
            text(panel.title)
        panel.build(operator)
