# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Charts of a comparison: intervals of mean differences, and every object from run to run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from surgsam2_ros.evaluation.reports.formatting import fine_digits, signed
from surgsam2_ros.evaluation.reports.markup import element

MOST_OBJECTS = 60  # a chart of more shows the largest losses and wins

_WIDTH, _LEFT, _RIGHT, _ROW = 1000, 170, 790, 34
_OBJECT_ROW = 22


def interval_chart(
    differences: Mapping[str, Mapping[str, Any]], title: str, *, judged: bool = True
) -> Markup:
    """Draw mean differences with their intervals: thick over videos, thin over objects.

    Args:
        differences: by measure, see `compare`.
        title: for those who cannot see it.
        judged: whether to colour what leaves zero out; not with too few videos.
    """
    reach = _reach(differences)
    top = 20
    bottom = top + len(differences) * _ROW
    middle = (_LEFT + _RIGHT) / 2

    def place(value: float) -> float:
        return middle + value / reach * (_RIGHT - _LEFT) / 2

    parts = []
    for value in (-reach, -reach / 2, 0.0, reach / 2, reach):
        x = place(value)
        class_ = 'axis' if value == 0 else 'grid'
        parts.append(element('line', class_=class_, x1=x, x2=x, y1=top - 6, y2=bottom))
        text = signed(value, _digits(reach))
        parts.append(element('text', text, x=x, y=bottom + 18, text_anchor='middle'))
    parts.append(element('text', 'worse', x=_LEFT, y=10))
    parts.append(element('text', 'better', x=_RIGHT, y=10, text_anchor='end'))
    for row, (name, entry) in enumerate(differences.items()):
        y = top + row * _ROW + _ROW / 2 - 2
        parts.append(element('text', _NAMES.get(name, name), class_='strong', x=8, y=y + 4))
        verdict = _verdict(entry) if judged else 'even'
        for key, class_ in (('over_objects', 'thin'), ('over_videos', 'thick')):
            if entry[key]:
                low, high = (place(value) for value in entry[key])
                class_ = f'interval {class_} {verdict}'
                parts.append(element('line', class_=class_, x1=low, x2=high, y1=y, y2=y))
        x = place(entry['mean'])
        parts.append(element('circle', class_=f'mean {verdict}', cx=x, cy=y, r=5))
        parts.append(element('text', _described(entry), x=_RIGHT + 14, y=y + 4))
    return _drawing(parts, bottom + 26, title)


def object_chart(objects: Sequence[Mapping[str, Any]], tie: float, title: str) -> Markup:
    """Draw J&F of every object, from the first run to the other, the largest loss on top.

    Args:
        objects: `by_object` of a comparison.
        tie: difference up to which neither has won.
        title: for those who cannot see it.
    """
    shown = list(objects)
    if len(shown) > MOST_OBJECTS:
        half = MOST_OBJECTS // 2
        shown = [*shown[:half], *shown[-half:]]
    values = [value for entry in shown for value in entry['J&F']]
    start = max(math.floor(min(values) * 10 - 0.5) / 10, 0.0)
    top, left, right = 18, 270, 900
    bottom = top + len(shown) * _OBJECT_ROW

    def place(value: float) -> float:
        return left + (value - start) / (1 - start) * (right - left)

    parts = []
    for tick in range(round(start * 10), 11, 1 if start >= 0.5 else 2):
        x = place(tick / 10)
        parts.append(element('line', class_='grid', x1=x, x2=x, y1=top - 4, y2=bottom))
        text = f'{tick / 10:.1f}'
        parts.append(element('text', text, x=x, y=bottom + 16, text_anchor='middle'))
        parts.append(element('text', text, x=x, y=9, text_anchor='middle'))
    for row, entry in enumerate(shown):
        y = top + row * _OBJECT_ROW + _OBJECT_ROW / 2
        before, after = (place(value) for value in entry['J&F'])
        change = entry['difference']
        verdict = 'even' if abs(change) <= tie else 'up' if change > 0 else 'down'
        label = f'{entry["video"]} · {entry["object"]} {entry["name"]}'.strip()
        parts.append(element('text', _shortened(label), x=8, y=y + 4))
        line = {'x1': before, 'x2': after, 'y1': y, 'y2': y}
        parts.append(element('line', class_=f'interval thick {verdict}', **line))
        parts.append(element('circle', class_='before', cx=before, cy=y, r=4.5))
        parts.append(element('circle', class_=f'mean {verdict}', cx=after, cy=y, r=5))
        parts.append(element('text', signed(change), x=_WIDTH - 8, y=y + 4, text_anchor='end'))
    return _drawing(parts, bottom + 24, title)


_NAMES = {name: f'{name}, per video' for name in ('CIoU', 'HOTA', 'IDF1')}


def _verdict(entry: Mapping[str, Any]) -> str:
    """Return up or down where the interval over videos leaves zero out, else even."""
    interval = entry['over_videos'] or entry['over_objects']
    if not interval or interval[0] <= 0 <= interval[1]:
        return 'even'
    return 'up' if interval[0] > 0 else 'down'


def _described(entry: Mapping[str, Any]) -> str:
    interval = entry['over_videos'] or entry['over_objects']
    values = (entry['mean'], *(interval or ()))
    mean, *ends = (signed(value, fine_digits(*values)) for value in values)
    return f'{mean}  [{", ".join(ends)}]' if ends else mean


def _reach(differences: Mapping[str, Mapping[str, Any]]) -> float:
    """Return the round number that the axis reaches on both sides."""
    ends = [0.004]
    for entry in differences.values():
        ends.append(abs(entry['mean']))
        for key in ('over_videos', 'over_objects'):
            ends += [abs(value) for value in entry[key] or ()]
    power = 10 ** math.floor(math.log10(max(ends)))
    return next(m * power for m in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if m * power >= max(ends))


def _digits(reach: float) -> int:
    return max(1, 1 - math.floor(math.log10(reach / 2)))


def _shortened(text: str, length: int = 40) -> str:
    return text if len(text) <= length else f'{text[: length - 1]}…'


def _drawing(parts: Sequence[Markup], height: float, title: str) -> Markup:
    drawing = element(
        'svg', *parts, viewBox=f'0 0 {_WIDTH} {height:g}', role='img', aria_label=title
    )
    return element('figure', drawing)
