# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The chart of a video: IoU over time per object, with states, absences, prompts and drops."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from markupsafe import Markup

from surgsam2_ros.drawing import STATE_NAMES
from surgsam2_ros.evaluation.records import ObjectRecord, VideoRecord
from surgsam2_ros.evaluation.reports.formatting import fraction
from surgsam2_ros.evaluation.reports.markup import element
from surgsam2_ros.evaluation.scores import object_scores

COLUMNS = 400  # a chart with more frames shows the worst of several in each column

_WIDTH, _LEFT, _RIGHT = 1000, 168, 988
_TOP, _PANEL, _STRIP, _GAP = 16, 74, 7, 30
_SCALE = 1000  # of J in the paths of curves, so that their coordinates are short integers
# From the best to the worst: a column shows the worst of its frames.
_RANKED = ('TRACKED', 'TENTATIVE', 'UNCERTAIN', 'OCCLUDED', 'LOST')
# What the pointer says of a column: the state, and whether some of its frames were dropped.
_WORDS = {
    '-': 'no result',
    'x': 'dropped',
    **{str(place): name.lower() for place, name in enumerate(STATE_NAMES)},
    **{'abcde'[place]: f'{name.lower()}, some dropped' for place, name in enumerate(STATE_NAMES)},
}


@dataclass(frozen=True)
class _Series:
    """What a chart shows of one object; every list has one entry per column.

    Attributes:
        iou: worst J of the column's frames; None without any.
        state: the worst state; None without a result.
        absent, dropped, prompted: whether any of the frames is: not in the truth, without a result.
    """

    iou: list[float | None]
    state: list[str | None]
    absent: list[bool]
    dropped: list[bool]
    prompted: list[bool]


def track_chart(records: Mapping[str, VideoRecord], skip_ends: bool = True) -> Markup:
    """Draw one panel per object, the node's or only line in colour, the tracker's beside it.

    Args:
        records: of one video, by what it went through: one of them or both.
        skip_ends: see `scored_frames`; for the means in the labels.

    Returns:
        a `div` of class chart with an SVG, and the values for reading them off.
    """
    main = records.get('node') or records['tracker']
    other = records['tracker'] if 'node' in records and 'tracker' in records else None
    edges = _edges(len(main.stems))
    parts, series = [], []
    top = _TOP
    rivals = {entry.object_id: entry for entry in other.objects} if other else {}
    for entry in main.objects:
        beside = rivals.get(entry.object_id)
        lines = [_series(entry, main, edges)]
        if beside is not None:
            lines.append(_series(beside, other, edges))
        parts.append(_panel(entry, lines, top, skip_ends))
        series += _readings(entry, lines)
        top += _PANEL + len(lines) * (_STRIP + 3) + _GAP
    parts.append(_frame_axis(main, top - _GAP + 18))
    height = top - _GAP + 26
    drawing = element(
        'svg',
        *parts,
        viewBox=f'0 0 {_WIDTH} {height}',
        role='img',
        aria_label=f'IoU over time in {main.video}',
    )
    readings = {
        'left': _LEFT,
        'right': _RIGHT,
        'frames': len(main.stems),
        'names': _names(main, edges),
        'words': _WORDS,
        'series': series,
    }
    return element('div', drawing, data_script(readings), class_='chart')


def chart_legend(both: bool) -> Markup:
    """Explain the signs of `track_chart`.

    Args:
        both: whether tracker and node are in the charts.
    """
    keys = [element('li', element('i', class_=state), state) for state in _RANKED]
    keys.append(element('li', element('i', class_='absent-key'), 'not in the truth'))
    drop = element('line', class_='dropped', x1=10, x2=10, y1=1, y2=11)
    keys.append(element('li', _key(drop), 'dropped frame'))
    prompt = element('path', class_='prompt', d='M5 1h10l-5 8z')
    keys.append(element('li', _key(prompt), 'prompt'))
    if both:
        line = element('line', class_='line', stroke='var(--o1)', x1=0, x2=20, y1=6, y2=6)
        keys.append(element('li', _key(line), 'node (upper states)'))
        dashes = element('line', class_='other', x1=0, x2=20, y1=6, y2=6)
        keys.append(element('li', _key(dashes), 'tracker (lower states)'))
    return element('ul', *keys, class_='legend')


def colour_class(object_id: int) -> str:
    """Class that gives an object its colour, the one of overlays in the dark scheme."""
    return f'o{(object_id - 1) % 7 + 1}'


def data_script(values: object) -> Markup:
    """Put values for page.js into the page."""
    text = json.dumps(values, ensure_ascii=False, separators=(',', ':')).replace('<', '\\u003c')
    return element('script', Markup(text), type='application/json')


def _key(drawing: Markup) -> Markup:
    return element('svg', drawing, viewBox='0 0 20 12', aria_hidden='true')


def _edges(frames: int) -> list[tuple[int, int]]:
    """First and last frame of every column."""
    columns = min(frames, COLUMNS)
    bounds = [frames * column // columns for column in range(columns + 1)] if columns else [0]
    return [(first, last - 1) for first, last in pairwise(bounds)]


def _series(entry: ObjectRecord, record: VideoRecord, edges: Sequence[tuple[int, int]]) -> _Series:
    dropped = set(record.dropped)
    order = {state: rank for rank, state in enumerate((None, *_RANKED))}
    iou, state, absent, lost, prompted = [], [], [], [], []
    for first, last in edges:
        frames = range(first, min(last + 1, len(record.stems)))
        iou.append(min((entry.iou[i] for i in frames if entry.iou[i] is not None), default=None))
        state.append(
            max((entry.state[i] for i in frames), key=lambda s: order.get(s, 0), default=None)
        )
        absent.append(any(entry.truth_area[i] == 0 for i in frames))
        lost.append(any(i in dropped for i in frames))
        prompted.append(any(entry.prompted[i] for i in frames))
    return _Series(iou, state, absent, lost, prompted)


def _panel(entry: ObjectRecord, lines: Sequence[_Series], top: int, skip_ends: bool) -> Markup:
    main = lines[0]
    count = len(main.iou)
    colour = colour_class(entry.object_id)
    scores = object_scores(entry, skip_ends)
    parts = [
        element('circle', class_=f'dot {colour}', cx=8, cy=top + 9, r=4.5),
        element('text', f'Object {entry.object_id}', class_='strong', x=20, y=top + 13),
        element('text', f'J {fraction(scores["J"])}', x=20, y=top + 31),
        element('text', f'F {fraction(scores["F"])}', x=20, y=top + 46),
        element('text', _shortened(entry.name), x=20, y=top + 64) if entry.name else None,
    ]
    for value in (0, 0.5, 1):
        y = top + _PANEL * (1 - value)
        parts.append(element('line', class_='grid', x1=_LEFT, x2=_RIGHT, y1=y, y2=y))
        parts.append(element('text', f'{value:g}', x=_LEFT - 8, y=y + 4, text_anchor='end'))
    for start, end, absent in _runs(main.absent):
        if absent:
            left, right = _span(start, end, count)
            box = {'x': left, 'y': top, 'width': right - left, 'height': _PANEL}
            parts.append(element('rect', class_='absent', **box))
    if len(lines) > 1:
        parts += _curve(lines[1].iou, top, 'other')
    parts += _curve(main.iou, top, f'line coloured {colour}')
    parts.append(strokes((_middle(i, count) for i in _true(main.dropped)), top + _PANEL, -9))
    for index in _true(main.prompted):
        mark = f'M{_middle(index, count) - 5:.1f} {top - 10}h10l-5 8z'
        parts.append(element('path', class_='prompt', d=mark))
    for row, line in enumerate(lines):
        parts += _strip(line.state, top + _PANEL + 4 + row * (_STRIP + 3))
    return element('g', *parts)


def strokes(places: Iterable[float], y: float, height: float) -> Markup | None:
    """Draw the strokes that mark dropped frames, all in one path.

    Args:
        places: where they stand.
        y: of their feet.
        height: negative upwards.
    """
    path = ''.join(f'M{x:.1f} {y:g}v{height:g}' for x in places)
    return element('path', class_='dropped', d=path) if path else None


def _curve(values: Sequence[float | None], top: int, class_: str) -> Iterator[Markup]:
    """Draw the stretches without gaps; a value alone becomes a dot."""
    count = len(values)
    lines, dots = [], []
    for start, end, known in _runs([value is not None for value in values]):
        if known:
            points = [f'{i} {round(_SCALE * values[i])}' for i in range(start, end)]
            (dots if len(points) == 1 else lines).append('M' + 'L'.join(points))
    step = (_RIGHT - _LEFT) / (count - 1) if count > 1 else 1.0
    place = f'translate({_middle(0, count):g} {top + _PANEL}) scale({step:.5g} {-_PANEL / _SCALE})'
    for paths, kind in ((lines, class_), ([f'{dot}h0' for dot in dots], f'{class_} alone')):
        if paths:
            yield element('path', class_=kind, transform=place, d=''.join(paths))


def _strip(states: Sequence[str | None], y: float) -> Iterator[Markup]:
    """Draw the stretches of each state as a band, a path per state."""
    bands: dict[str, str] = {}
    for start, end, state in _runs(states):
        if state:
            left, right = _span(start, end, len(states))
            band = f'M{left:.1f} {y:g}H{right:.1f}v{_STRIP}H{left:.1f}z'
            bands[state] = bands.get(state, '') + band
    for state, path in bands.items():
        yield element('path', class_=state, d=path)


def _frame_axis(record: VideoRecord, y: float) -> Markup:
    """Label the frames, in seconds too where stamps are known."""
    count = len(record.stems)
    step = next(s * 10**e for e in range(9) for s in (1, 2, 5) if count / (s * 10**e) <= 10)
    parts = []
    for index in range(0, count, step):
        x = _middle(index, count)
        text = f'{index}'
        if record.stamps_ns:
            text += f'  ({(record.stamps_ns[index] - record.stamps_ns[0]) / 1e9:.1f} s)'
        parts.append(element('text', text, x=x, y=y, text_anchor='middle'))
    parts.append(element('text', 'frame', x=20, y=y))
    return element('g', *parts)


def _readings(entry: ObjectRecord, lines: Sequence[_Series]) -> list[dict[str, object]]:
    title = f'{entry.object_id} {entry.name}'.strip()
    sides = ('node', 'tracker') if len(lines) > 1 else ('',)
    return [
        {
            'name': f'{title} {side}'.strip(),
            'class': colour_class(entry.object_id),
            'values': [None if iou is None else round(100 * iou) for iou in line.iou],
            'states': ''.join(map(_letter, line.state, line.dropped)),
        }
        for side, line in zip(sides, lines, strict=True)
    ]


def _letter(state: str | None, dropped: bool) -> str:
    """Return the key of `_WORDS` for a column."""
    if state is None:
        return 'x' if dropped else '-'
    place = STATE_NAMES.index(state)
    return 'abcde'[place] if dropped else str(place)


def _names(record: VideoRecord, edges: Sequence[tuple[int, int]]) -> list[str]:
    """Names of the columns' first frames; nothing where they are only numbers from 0."""
    if all(stem.isdigit() and int(stem) == i for i, stem in enumerate(record.stems)):
        return []
    return [record.stems[first] for first, _ in edges]


def _true(flags: Sequence[bool]) -> list[int]:
    return [index for index, flag in enumerate(flags) if flag]


def _runs(values: Sequence[object]) -> Iterator[tuple[int, int, object]]:
    """Yield (start, end, value) of stretches of equal values."""
    start = 0
    for value, group in groupby(values):
        length = sum(1 for _ in group)
        yield start, start + length, value
        start += length


def _middle(index: int, count: int) -> float:
    return _LEFT + (index / (count - 1) if count > 1 else 0.5) * (_RIGHT - _LEFT)


def _span(start: int, end: int, count: int) -> tuple[float, float]:
    """Left and right edge of frames start to end - 1, each half way to its neighbours."""
    half = (_RIGHT - _LEFT) / max(count - 1, 1) / 2
    left, right = _middle(start, count) - half, _middle(end - 1, count) + half
    return max(left, _LEFT), min(right, _RIGHT)


def _shortened(name: str, length: int = 20) -> str:
    return name if len(name) <= length else f'{name[: length - 1]}…'
