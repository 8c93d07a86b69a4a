# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Charts of durations: how often a latency occurred, and when."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from markupsafe import Markup

from surgsam2_ros.evaluation.reports.formatting import quantity
from surgsam2_ros.evaluation.reports.markup import element
from surgsam2_ros.evaluation.reports.track_chart import data_script, strokes

_WIDTH, _HEIGHT = 480, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 470, 24, 170
_BINS = 40
_PERCENTILES = (50, 95, 99)
_NAME = 26  # width of the name of a percentile
_COLUMNS = 500


def histogram(milliseconds: Sequence[float], title: str) -> Markup:
    """Draw how often durations occurred, with their median, 95th and 99th percentile.

    The axis ends at the 99.5th percentile; what is longer is counted in the last bar.

    Args:
        milliseconds: durations, at least one.
        title: of the chart.
    """
    values = np.asarray(milliseconds, float)
    end = max(float(np.percentile(values, 99.5)) * 1.02, 1e-3)
    step = _round_step(end / _BINS)
    start = math.floor(float(values.min()) / step) * step
    bins = max(math.ceil((end - start) / step), 1)
    indices = np.clip(((values - start) / step).astype(int), 0, bins - 1)
    counts = np.bincount(indices, minlength=bins)
    end = start + bins * step
    parts = [element('text', title, class_='strong', x=0, y=12)]
    width = (_RIGHT - _LEFT) / bins
    for index, count in enumerate(counts):
        height = (_BOTTOM - _TOP - 14) * count / counts.max()
        if count:
            parts.append(
                element(
                    'rect',
                    class_='bar',
                    x=float(_LEFT + index * width),
                    y=float(_BOTTOM - height),
                    width=float(max(width - 1, 0.6)),
                    height=float(height),
                )
            )
    parts.append(element('line', class_='axis', x1=_LEFT, x2=_RIGHT, y1=_BOTTOM, y2=_BOTTOM))
    parts.append(element('text', f'{counts.max():,}', x=_LEFT - 8, y=_TOP + 18, text_anchor='end'))
    parts.append(element('text', '0', x=_LEFT - 8, y=_BOTTOM, text_anchor='end'))
    for value in _ticks(start, end):
        x = _LEFT + (value - start) / (end - start) * (_RIGHT - _LEFT)
        parts.append(
            element(
                'text',
                f'{value:,g}',
                x=float(min(x, _RIGHT - 10)),
                y=_BOTTOM + 16,
                text_anchor='middle',
            )
        )
    parts += _marks(values, start, end)
    return _drawing(parts, title)


def timeline(milliseconds: Sequence[float | None], dropped: Sequence[bool], title: str) -> Markup:
    """Draw durations in the order of the frames, dropped frames as strokes at the bottom.

    Args:
        milliseconds: of each frame, None without a result.
        dropped: of each frame.
        title: of the chart.
    """
    count = len(milliseconds)
    columns = min(count, _COLUMNS)
    edges = [count * column // columns for column in range(columns + 1)]
    spans = list(pairwise(edges))
    worst = [
        max((v for v in milliseconds[first:last] if v is not None), default=None)
        for first, last in spans
    ]
    lost = [any(dropped[first:last]) for first, last in spans]
    ticks = _ticks(0, max((value for value in worst if value is not None), default=1.0))
    top = max(ticks[-1], max((value for value in worst if value is not None), default=1.0)) * 1.04
    parts = [element('text', title, class_='strong', x=0, y=12)]
    for value in ticks:
        y = _BOTTOM - value / top * (_BOTTOM - _TOP)
        parts.append(element('line', class_='grid', x1=_LEFT, x2=_RIGHT, y1=float(y), y2=float(y)))
        parts.append(element('text', f'{value:,g}', x=_LEFT - 8, y=float(y + 4), text_anchor='end'))
    places = [
        _LEFT + (column / (columns - 1) if columns > 1 else 0.5) * (_RIGHT - _LEFT)
        for column in range(columns)
    ]
    points = [
        f'{x:.1f},{_BOTTOM - value / top * (_BOTTOM - _TOP):.1f}'
        for x, value in zip(places, worst, strict=True)
        if value is not None
    ]
    parts.append(strokes((x for x, gone in zip(places, lost, strict=True) if gone), _BOTTOM, 7))
    parts.append(element('polyline', class_='late', points=' '.join(points)))
    parts.append(element('line', class_='axis', x1=_LEFT, x2=_RIGHT, y1=_BOTTOM, y2=_BOTTOM))
    for index in sorted({0, count // 2, count - 1}):
        x = _LEFT + (index / (count - 1) if count > 1 else 0.5) * (_RIGHT - _LEFT)
        anchor = 'end' if index == count - 1 and count > 1 else 'middle'
        parts.append(element('text', f'{index:,}', x=float(x), y=_BOTTOM + 20, text_anchor=anchor))
    parts.append(element('text', 'frame', x=_RIGHT, y=_BOTTOM + 34, text_anchor='end'))
    readings = {
        'left': _LEFT,
        'right': _RIGHT,
        'frames': count,
        'series': [
            {
                'name': '',
                'class': '',
                'values': [
                    'dropped' if value is None else quantity(value, 'ms') for value in worst
                ],
            }
        ],
    }
    return element('div', _drawing(parts, title), data_script(readings), class_='chart')


def _marks(values: np.ndarray, start: float, end: float) -> list[Markup]:
    """Mark percentiles, name them side by side, and write their values below the axis."""
    found = dict(zip(_PERCENTILES, np.percentile(values, _PERCENTILES), strict=True))
    text = ' · '.join(f'p{percent} {quantity(value)}' for percent, value in found.items())
    marks = [element('text', f'{text} ms', x=_RIGHT, y=_BOTTOM + 34, text_anchor='end')]
    limit = _RIGHT - 8.0
    for percent, value in reversed(found.items()):
        x = _LEFT + min(max((value - start) / (end - start), 0), 1) * (_RIGHT - _LEFT)
        line = {'x1': float(x), 'x2': float(x), 'y1': _TOP + 14, 'y2': _BOTTOM}
        place = min(float(x), limit)
        limit = place - _NAME
        marks.append(element('line', class_='mark', **line))
        marks.append(element('text', f'p{percent}', x=place, y=_TOP + 10, text_anchor='middle'))
    return marks


def _ticks(start: float, end: float) -> list[float]:
    """Return round values from start to end, five or so."""
    step = _round_step((end - start) / 5)
    first = math.ceil(start / step - 1e-9)
    return [round(index * step, 9) for index in range(first, math.floor(end / step + 1e-9) + 1)]


def _round_step(step: float) -> float:
    """Return the next larger of 1, 2, 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(step))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= step * 0.999)


def _drawing(parts: list[Markup], title: str) -> Markup:
    return element('svg', *parts, viewBox=f'0 0 {_WIDTH} {_HEIGHT}', role='img', aria_label=title)
