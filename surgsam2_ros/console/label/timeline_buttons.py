# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The buttons of the time line: what each looks like, says and does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nicegui import ui

from surgsam2_ros.console.label.timeline import TimeLine


@dataclass(frozen=True)
class LineButton:
    """One button.

    Attributes:
        drawing: inside of an SVG of 24 by 24, lines in the colour of the text.
        title: what it does.
        key: that does the same, as it is told.
        work: what it does; raises DeskError.
        label: written beside the drawing; empty for a button of a drawing alone.
    """

    drawing: str
    title: str
    key: str
    work: Callable[[TimeLine], None]
    label: str = ''


_GO = (
    LineButton(
        '<path d="M6 5v14M18 5l-8 7 8 7"/>', 'First frame', 'Home', lambda line: line.go_to(0)
    ),
    LineButton(
        '<path d="M12 5l-7 7 7 7M19 5l-7 7 7 7"/>',
        'Ten frames back',
        'Shift Left',
        lambda line: line.move(-10),
    ),
    LineButton('<path d="M15 5l-7 7 7 7"/>', 'One frame back', 'Left', lambda line: line.move(-1)),
    LineButton('<path d="M9 5l7 7-7 7"/>', 'One frame on', 'Right', lambda line: line.move(1)),
    LineButton(
        '<path d="M5 5l7 7-7 7M12 5l7 7-7 7"/>',
        'Ten frames on',
        'Shift Right',
        lambda line: line.move(10),
    ),
    LineButton(
        '<path d="M18 5v14M6 5l8 7-8 7"/>', 'Last frame', 'End', lambda line: line.press('End')
    ),
)
_UNCERTAIN = (
    LineButton(
        '<path d="M13 4l8 15H8zM13.5 10v4M13.5 16.5v.2M6 8l-3 4 3 4"/>',
        'Uncertain frame before',
        'Shift Y',
        lambda line: line.go_to_uncertain(-1),
    ),
    LineButton(
        '<path d="M11 4l8 15H3zM10.5 10v4M10.5 16.5v.2M19 8l3 4-3 4"/>',
        'Next uncertain frame',
        'Shift U',
        lambda line: line.go_to_uncertain(1),
    ),
)
_CARRY = (
    LineButton(
        '<path d="M20 6v12l-8-6zM12 6v12l-8-6z"/>',
        'Carry the masks of this frame backwards',
        'Shift B',
        lambda line: line.propagate(-1),
        'Backwards',
    ),
    LineButton(
        '<path d="M4 6v12l8-6zM12 6v12l8-6z"/>',
        'Carry the masks of this frame forwards',
        'Shift P',
        lambda line: line.propagate(1),
        'Propagate',
    ),
    LineButton(
        '<rect x="6" y="6" width="12" height="12" rx="1.5"/>',
        'Stop after this frame',
        'Shift S',
        lambda line: line.stop(),
    ),
)
_JUDGE = (
    LineButton(
        '<path d="M14 5H8v14h6M12 12h8"/>',
        'The range begins at this frame',
        '{',
        lambda line: line.mark_first(),
    ),
    LineButton(
        '<path d="M10 5h6v14h-6M12 12H4"/>',
        'The range ends at this frame',
        '}',
        lambda line: line.mark_last(),
    ),
    LineButton(
        '<path d="M4.5 12.5l5 5L19.5 7" stroke-width="2.4"/>',
        'Accept the range',
        'Shift A',
        lambda line: line.accept(),
        'Accept',
    ),
    LineButton(
        '<path d="M6 6l12 12M18 6L6 18"/>',
        'Reject the range',
        'Shift R',
        lambda line: line.reject(),
        'Reject',
    ),
    LineButton(
        '<path d="M9 6h11v12H9l-5-6zM12 9.5l5 5M17 9.5l-5 5"/>',
        'Take the verdicts of the range back',
        'Shift X',
        lambda line: line.clear(),
    ),
)
_EXPORT = (
    LineButton(
        '<path d="M12 15V4M8 8l4-4 4 4M5 14v6h14v-6"/>',
        'Write the accepted frames as a data set',
        'Shift E',
        lambda line: line.export(),
        'Export',
    ),
)
GROUPS = (_GO, _UNCERTAIN, _CARRY, _JUDGE, _EXPORT)


def make_button(button: LineButton, on_click: Callable[[], object]) -> None:
    """Make a button that looks like those of the page."""
    made = ui.element('button').classes('button' if button.label else 'button bare')
    made.props.update(
        {'type': 'button', 'aria-label': button.title, 'title': f'{button.title} ({button.key})'}
    )
    made.on('click', on_click)
    # The keys stay with what had them.
    made.on('mousedown', js_handler='(event) => event.preventDefault()')
    with made:
        ui.html(
            '<svg class="icon" viewBox="0 0 24 24" width="22" height="22" fill="none" '
            'stroke="currentColor" stroke-width="1.8" stroke-linecap="round" '
            f'stroke-linejoin="round" aria-hidden="true">{button.drawing}</svg>',
            sanitize=False,
        )
        if button.label:
            ui.label(button.label)
