# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Plain elements: buttons that name a command of the page, texts and inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui
from nicegui.element import Element

from surgsam2_ros.console.desk import LONGEST_NAME
from surgsam2_ros.console.icons import icon


def plain_button(
    title: str, icon_name: str = '', key: str = '', *, label: str = ''
) -> tuple[ui.element, ui.label | None]:
    """Make a button, to which its user gives something to do.

    Args:
        title: what it does, read to those who do not see; empty where the label says it.
        icon_name: see `icons.icon`; empty: none.
        key: that does the same.
        label: written beside the icon, or alone.

    Returns:
        The button, and the label's element.
    """
    written = None
    button = ui.element('button').classes('button' if label else 'button bare')
    button.props['type'] = 'button'
    if title:
        button.props['aria-label'] = title
        button.props['title'] = f'{title} ({key})' if key else title
    with button:
        if icon_name:
            ui.html(icon(icon_name), sanitize=False)
        if label:
            written = text(label)
    return button, written


def command_button(
    command: str, icon_name: str, title: str, key: str = '', *, label: str = ''
) -> ui.element:
    """Make a button that runs a command of `static/main.js`.

    Args:
        command: its name there.
        icon_name, title, key, label: see `plain_button`.
    """
    button, _ = plain_button(title, icon_name, key, label=label)
    button.props['data-command'] = command
    return button


def text(content: str = '', *, element_id: str = '', classes: str = '') -> ui.label:
    """Make a piece of text; one with an id is written by the page's scripts."""
    label = ui.label(content).classes(classes)
    if element_id:
        label.props['id'] = element_id
    return label


class TextInput(Element, component='static/text_input.js'):
    """A line of text.

    The page is drawn anew whenever anything in it changes; a plain input would then have the
    server's value again, in the middle of a word.
    """

    def restore(self) -> None:
        """Show what the server says again, in place of what was typed."""
        self.run_method('restore')


def text_input(
    label: str, value: str, on_change: Callable[[str], Any], *, choices: str = '', classes: str = ''
) -> TextInput:
    """Make an input that tells its value when it was changed.

    Args:
        label: what it is for.
        value: at first.
        on_change: is given the new value.
        choices: id of a datalist.
        classes: of CSS.
    """
    entry = TextInput().classes(classes)
    entry.props.update({'aria-label': label, 'placeholder': label})
    entry.props.update({'maxlength': LONGEST_NAME, 'value': value})
    if choices:
        entry.props['list'] = choices
    entry.on(
        'change', lambda event: on_change(str(event.args)), js_handler='(e) => emit(e.target.value)'
    )
    # Enter ends the typing, so that the next keys are the page's again.
    entry.on('keydown.enter', js_handler='(e) => e.target.blur()')
    entry.on('keydown.esc', js_handler='(e) => e.target.blur()')
    return entry
