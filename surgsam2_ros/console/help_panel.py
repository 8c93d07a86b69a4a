# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The list of gestures and keys, shown on demand."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from surgsam2_ros.console.buttons import text
from surgsam2_ros.console.panels import Panel

GESTURES = (
    (
        'Prompt',
        (
            ('Click, tap', 'this is the object'),
            ('Right click, Alt click, long press', 'this is not the object'),
            ('Drag', 'the object is in this box'),
            ('Brush B, eraser E, size [ ]', 'these pixels are the object'),
            ('Enter', 'send'),
            ('Escape', 'drop'),
            ('Ctrl+Z', 'take back'),
        ),
    ),
    (
        'Instruments',
        (
            ('1 to 9, click in the list', 'select'),
            ('N', 'a new instrument'),
            ('F', 'fix the next one that calls for it'),
            ('R, L, Delete', 'rename, lock, remove'),
        ),
    ),
    (
        'Picture',
        (
            ('Space', 'freeze: prompts hold for this very picture'),
            ('Wheel, pinch, + -', 'zoom; 0 shows all'),
            ('Middle button, two fingers, M', 'move the picture'),
            ('V', 'overlay, outlines, label image, none'),
            ('Shift+F, D', 'full screen, light or dark'),
        ),
    ),
    (
        'Without a mouse',
        (
            ('Arrows', 'move the cross, with Shift by one pixel'),
            ('.', 'use the tool at the cross'),
            (',', 'not the object'),
            ('C', 'a corner of a box, twice'),
        ),
    ),
)


def build_help(panels: Sequence[Panel] = ()) -> None:
    """Make the dialog, closed; panels with keys of their own come after the page's."""
    sections = (*GESTURES, *((panel.title, panel.keys) for panel in panels if panel.keys))
    with ui.element('dialog').classes('help').props('id=help aria-label="Gestures and keys"'):
        with ui.element('div').classes('help-columns'):
            for title, gestures in sections:
                with ui.element('section'):
                    with ui.element('h2'):
                        text(title)
                    with ui.element('dl'):
                        for gesture, meaning in gestures:
                            with ui.element('dt'):
                                text(gesture)
                            with ui.element('dd'):
                                text(meaning)
        with ui.element('form').props('method=dialog'):
            close = ui.element('button').classes('button primary').props('autofocus')
            with close:
                text('Close')
