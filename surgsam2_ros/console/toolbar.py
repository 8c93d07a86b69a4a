# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The bar above the picture, and the tools beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nicegui import ui

from surgsam2_ros.console.buttons import command_button, text, text_input
from surgsam2_ros.console.desk import Mode
from surgsam2_ros.console.icons import LOGO

_TOOLS = (
    ('tool:prompt', 'prompt', 'On the object: click, or drag a box', 'P'),
    ('tool:off', 'off', 'Not the object', 'O'),
    ('tool:brush', 'brush', 'Brush', 'B'),
    ('tool:eraser', 'eraser', 'Eraser', 'E'),
    ('tool:move', 'move', 'Move the picture', 'M'),
)
_MODES = (
    ('mode:overlay', 'overlay', 'Overlay'),
    ('mode:outlines', 'outlines', 'Outlines'),
    ('mode:labels', 'labels', 'Label image'),
    ('mode:none', 'none', 'Picture alone'),
)
# Another name takes effect with the next notice: the page is loaded again with its cookie.
_KEEP_NAME = (
    '(e) => { document.cookie = "operator=" + encodeURIComponent(e.target.value) + '
    '"; path=/; max-age=31536000; samesite=strict"; location.reload(); }'
)


def build_bar(
    mode: Mode, cameras: Sequence[str], operator: str, on_camera: Callable[[str], Any]
) -> None:
    """Make the bar above the picture.

    Args:
        mode: of the desk.
        cameras: to choose from.
        operator: name of who uses this page.
        on_camera: is told the camera that was chosen.
    """
    with ui.element('header').classes('bar'):
        ui.html(LOGO, sanitize=False).classes('logo')
        text('Live' if mode is Mode.LIVE else 'Label', classes='mode')
        _camera_choice(cameras, on_camera)
        with ui.element('div').classes('status').props('id=status'):
            text(element_id='status-stands', classes='stands')
            text(element_id='status-text', classes='numbers')
        with ui.element('div').classes('group').props('role=group aria-label="What is shown"'):
            for command, icon_name, title in _MODES:
                command_button(command, icon_name, title, 'V')
        with ui.element('div').classes('group'):
            command_button('fullscreen', 'fullscreen', 'Full screen', 'Shift+F')
            command_button('theme', 'theme', 'Light or dark', 'D')
            command_button('help', 'help', 'All gestures and keys', '?')
        name = text_input('Your name', operator, lambda _: None, classes='operator')
        name.on('change', js_handler=_KEEP_NAME)


def build_tools() -> None:
    """Make the tools beside the picture."""
    with ui.element('nav').classes('tools').props('role=toolbar aria-label=Tools'):
        for command, icon_name, title, key in _TOOLS:
            command_button(command, icon_name, title, key)
        with ui.element('div').classes('brush-size'):
            command_button('brush:larger', 'larger', 'Larger brush', ']')
            text(element_id='brush-text', classes='numbers')
            command_button('brush:smaller', 'smaller', 'Smaller brush', '[')
        ui.element('div').classes('space')
        command_button('zoom:in', 'zoom_in', 'Zoom in', '+')
        command_button('zoom:out', 'zoom_out', 'Zoom out', '-')
        command_button('zoom:fit', 'fit', 'Whole picture', '0')
        ui.element('div').classes('space')
        command_button('undo', 'undo', 'Take back', 'Ctrl+Z')
        command_button('freeze', 'freeze', 'Freeze the picture', 'Space').classes('freeze')


def _camera_choice(cameras: Sequence[str], on_camera: Callable[[str], Any]) -> None:
    if len(cameras) == 1:
        text(cameras[0], classes='camera')
        return
    with ui.element('select').classes('camera') as choice:
        choice.props['aria-label'] = 'Camera'
        for camera in cameras:
            option = ui.element('option')
            option.props['value'] = camera
            with option:
                text(camera)
    choice.on(
        'change', lambda event: on_camera(str(event.args)), js_handler='(e) => emit(e.target.value)'
    )
