# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The buttons of the time line: each does what a key does."""

from __future__ import annotations

from typing import NamedTuple


class LineButton(NamedTuple):
    """One button.

    Attributes:
        icon: see `icons.icon`.
        title: what it does.
        key: that does the same, as it is told.
        press: the same key, as `TimeLine.press` takes it.
        shift: whether Shift is held with it there.
        label: written beside the icon; empty for a button of an icon alone.
    """

    icon: str
    title: str
    key: str
    press: str
    shift: bool = False
    label: str = ''


GROUPS = (
    (
        LineButton('first', 'First frame', 'Home', 'Home'),
        LineButton('ten_back', 'Ten frames back', 'Shift Left', 'ArrowLeft', shift=True),
        LineButton('one_back', 'One frame back', 'Left', 'ArrowLeft'),
        LineButton('one_on', 'One frame on', 'Right', 'ArrowRight'),
        LineButton('ten_on', 'Ten frames on', 'Shift Right', 'ArrowRight', shift=True),
        LineButton('last', 'Last frame', 'End', 'End'),
    ),
    (
        LineButton('uncertain_back', 'Uncertain frame before', 'Shift Y', 'y'),
        LineButton('uncertain_on', 'Next uncertain frame', 'Shift U', 'u'),
    ),
    (
        LineButton(
            'carry_back',
            'Carry the masks of this frame backwards',
            'Shift B',
            'b',
            label='Backwards',
        ),
        LineButton(
            'carry_on',
            'Carry the masks of this frame forwards',
            'Shift P',
            'p',
            label='Propagate',
        ),
        LineButton('stop', 'Stop after this frame', 'Shift S', 's'),
    ),
    (
        LineButton('begin', 'The range begins at this frame', '{', '['),
        LineButton('end', 'The range ends at this frame', '}', ']'),
        LineButton('send', 'Accept the range', 'Shift A', 'a', label='Accept'),
        LineButton('drop', 'Reject the range', 'Shift R', 'r', label='Reject'),
        LineButton('clear', 'Take the verdicts of the range back', 'Shift X', 'x'),
    ),
    (
        LineButton(
            'export', 'Write the accepted frames as a data set', 'Shift E', 'e', label='Export'
        ),
    ),
)
