# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The headline figures and the summary table of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from surgsam2_ros.evaluation.measures import FRAME_MEASURES
from surgsam2_ros.evaluation.reports.markup import (
    Markup,
    element,
    fraction,
    join,
    plural,
    quantity,
    signed,
)

_MISSING_AS_0 = 'J, missing frames as 0'

# (group, name, where in the summary of a side, how to write it)
_ROWS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ('Masks', 'J&F', ('J&F',), 'fraction'),
    *(('Masks', measure.title, (measure.key,), 'fraction') for measure in FRAME_MEASURES),
    ('Masks', 'CIoU, on instances', ('CIoU',), 'fraction'),
    ('Masks', _MISSING_AS_0, ('J_missing_as_0',), 'fraction'),
    ('Identity', 'HOTA', ('identity', 'HOTA'), 'fraction'),
    ('Identity', 'DetA', ('identity', 'DetA'), 'fraction'),
    ('Identity', 'AssA', ('identity', 'AssA'), 'fraction'),
    ('Identity', 'IDF1', ('identity', 'IDF1'), 'fraction'),
    ('Identity', 'MOTA', ('identity', 'MOTA'), 'fraction'),
    ('Identity', 'Id switches', ('identity', 'IDSW'), ''),
    ('Identity', 'Fragmentations', ('identity', 'Frag'), ''),
    ('Presence', 'Precision of visible', ('presence', 'precision'), 'fraction'),
    ('Presence', 'Recall of visible', ('presence', 'recall'), 'fraction'),
    ('Presence', 'Accuracy', ('presence', 'accuracy'), 'fraction'),
    ('Presence', 'Returns', ('presence', 'returns'), ''),
    ('Presence', 'Returns taken up again', ('presence', 'taken_up'), ''),
    ('Presence', 'Frames until taken up', ('presence', 'frames_until_taken_up'), ''),
    ('Presence', 'Frames on another object', ('presence', 'on_another'), ''),
    ('Speed', 'Tracker time, median', ('inference_ms', 'p50'), 'ms'),
    ('Speed', 'Tracker time, 95 %', ('inference_ms', 'p95'), 'ms'),
    ('Speed', 'Tracker time, 99 %', ('inference_ms', 'p99'), 'ms'),
    ('Live', 'Rate of the images', ('live', 'MEAN_PLAYBACK_FRAME_RATE'), 'Hz'),
    ('Live', 'Mean frame rate', ('live', 'MEAN_FRAME_RATE'), 'Hz'),
    ('Live', 'Missed frames', ('live', 'NUM_MISSED_FRAMES'), ''),
    ('Live', 'First latency', ('live', 'FIRST_LATENCY'), 'ms'),
    ('Live', 'Mean latency', ('live', 'MEAN_LATENCY'), 'ms'),
    ('Live', 'Latency, median', ('live', 'LATENCY_P50'), 'ms'),
    ('Live', 'Latency, 95 %', ('live', 'LATENCY_P95'), 'ms'),
    ('Live', 'Latency, 99 %', ('live', 'LATENCY_P99'), 'ms'),
    ('Live', 'Maximum latency', ('live', 'MAX_LATENCY'), 'ms'),
    ('Live', 'Mean jitter', ('live', 'MEAN_JITTER'), 'ms'),
    ('Live', 'Maximum jitter', ('live', 'MAX_JITTER'), 'ms'),
    ('Live', 'CPU, of one core', ('live', 'CPU'), '%'),
    ('Live', 'Resident memory', ('live', 'RESIDENT_MEMORY'), 'MB'),
    ('Live', 'Device memory', ('live', 'DEVICE_MEMORY'), 'MB'),
    ('Counted', 'Videos', ('videos',), ''),
    ('Counted', 'Objects', ('objects',), ''),
    ('Counted', 'Frames', ('frames',), ''),
    ('Counted', 'Dropped frames', ('dropped',), ''),
)
_NOTICEABLE = 0.005  # smaller differences are not coloured


def tiles(summary: Mapping[str, Any], sides: Sequence[str]) -> Markup:
    """Return the figures that one looks at first.

    Args:
        summary: see `summarise`.
        sides: 'tracker', 'node' or both; the last one is written large.
    """
    wanted = [('J&F', ('J&F',), 'fraction'), ('Dice', ('Dice',), 'fraction')]
    wanted += [('HOTA', ('identity', 'HOTA'), 'fraction')]
    if 'node' in sides:
        if not _says_nothing(summary, sides, _MISSING_AS_0):
            wanted += [(_MISSING_AS_0, ('J_missing_as_0',), 'fraction')]
        wanted += [('Latency, 95 %', ('live', 'LATENCY_P95'), 'ms')]
        wanted += [('Frame rate', ('live', 'MEAN_FRAME_RATE'), 'Hz')]
    else:
        wanted += [('CIoU', ('CIoU',), 'fraction')]
        wanted += [('Recall of visible', ('presence', 'recall'), 'fraction')]
    found = []
    for name, path, unit in wanted:
        values = {side: _value(summary[side], path) for side in sides}
        values = {side: value for side, value in values.items() if value is not None}
        if not values:
            continue
        *others, main = values
        parts = [element('div', name, class_='name'), _figure(values[main], unit)]
        if len(sides) > 1:
            said = f'{main}' + ''.join(f'; {o} {_written(values[o], unit)}' for o in others)
            if name == 'Frame rate':
                node = summary['node']
                said = f'{node["dropped"]:,} of {plural(node["frames"], "frame")} dropped'
            parts.append(element('div', said, class_='side'))
        found.append(element('div', *parts, class_='tile'))
    return element('div', *found, class_='tiles') if found else Markup('')


def summary_table(summary: Mapping[str, Any], sides: Sequence[str]) -> Markup:
    """Return everything that is known of a run, in one or two columns and their difference.

    Args:
        summary: see `summarise`.
        sides: 'tracker', 'node' or both.
    """
    groups: dict[str, list[Markup]] = {}
    for group, name, path, unit in _ROWS:
        values = [_value(summary[side], path) for side in sides]
        if all(value is None for value in values) or _says_nothing(summary, sides, name):
            continue
        cells = [element('td', name, class_='text')]
        cells += [element('td', _written(value, unit), class_='number') for value in values]
        if len(sides) > 1:
            cells.append(_difference(summary, path, unit, *values))
        groups.setdefault(group, []).append(element('tr', *cells))
    head = ['', *(side.capitalize() for side in sides)]
    if len(sides) > 1:
        head.append('Difference')
    blocks = [
        _block(names, groups, head)
        for names in (('Masks', 'Identity', 'Presence'), ('Speed', 'Live', 'Counted'))
    ]
    columns = element('div', *blocks, class_='columns')
    shared = summary.get('node_minus_tracker')
    if len(sides) < 2 or not shared:
        return columns
    note = (
        'Difference: node minus tracker. Of J&F, J, F and Dice it is that over the '
        f'{plural(shared["frames"], "frame")} of objects that both answered: a node that drops '
        'frames drops hard ones too, and must not look better for it.'
    )
    return join([columns, element('p', note, class_='note')])


def _block(names: Sequence[str], groups: Mapping[str, list[Markup]], head: Sequence[str]) -> Markup:
    rows: list[Markup] = []
    for name in names:
        if name in groups:
            title = element('td', name, class_='text', colspan=len(head))
            rows += [element('tr', title, class_='group'), *groups[name]]
    if not rows:
        return Markup('')
    cells = [
        element('th', text, class_='number' if place else 'text', scope='col')
        for place, text in enumerate(head)
    ]
    content = element('table', element('thead', element('tr', *cells)), element('tbody', *rows))
    return element('div', content, class_='table')


def _says_nothing(summary: Mapping[str, Any], sides: Sequence[str], name: str) -> bool:
    """Whether a row repeats another: frames that are missing count only where some are."""
    if name == _MISSING_AS_0:
        return all(summary[side]['J_missing_as_0'] == summary[side]['J'] for side in sides)
    if name in ('Returns taken up again', 'Frames until taken up'):
        return not any(summary[side]['presence'].get('returns') for side in sides)
    return False


def _difference(
    summary: Mapping[str, Any],
    path: Sequence[str],
    unit: str,
    tracker: float | None,
    node: float | None,
) -> Markup:
    """Write node minus tracker: of the masks over the frames that both answered, and coloured."""
    shared = summary.get('node_minus_tracker') or {}
    if len(path) == 1 and path[0] in shared and unit == 'fraction':
        change = shared[path[0]]
        if change is None:
            return element('td', '–', class_='number')
        judged = 'muted' if abs(change) < _NOTICEABLE else 'better' if change > 0 else 'worse'
        return element('td', signed(change), class_=f'number {judged}')
    if tracker is None or node is None or path[0] in ('videos', 'objects', 'frames'):
        return element('td', '', class_='number')
    change = node - tracker
    digits = 3 if unit == 'fraction' else 0 if float(change).is_integer() or abs(change) > 99 else 1
    return element('td', signed(change, digits), class_='number')


def _value(side: Mapping[str, Any], path: Sequence[str]) -> float | None:
    value: Any = side
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _written(value: float | None, unit: str) -> str:
    return fraction(value) if unit == 'fraction' else quantity(value, unit)


def _figure(value: float, unit: str) -> Markup:
    if unit == 'fraction':
        return element('div', fraction(value), class_='value')
    return element('div', quantity(value), element('small', unit), class_='value')
