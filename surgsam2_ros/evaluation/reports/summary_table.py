# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The headline figures of a report, and the rows of its table of everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from surgsam2_ros.evaluation.measures import FRAME_MEASURES
from surgsam2_ros.evaluation.reports.columns import Column
from surgsam2_ros.evaluation.reports.formatting import fraction, plural, quantity, signed

_MISSING_AS_0 = 'J, missing frames as 0'
_NOTICEABLE = 0.005  # smaller differences are not coloured
# Groups of rows, those of the left half and those of the right.
_GROUPS: tuple[Mapping[str, tuple[Column, ...]], ...] = (
    {
        'Masks': (
            Column('J&F', ('J&F',), 'fraction'),
            *(Column(m.title, (m.key,), 'fraction') for m in FRAME_MEASURES),
            Column('CIoU, on instances', ('CIoU',), 'fraction'),
            Column(_MISSING_AS_0, ('J_missing_as_0',), 'fraction'),
        ),
        'Identity': (
            Column('HOTA', ('identity', 'HOTA'), 'fraction'),
            Column('DetA', ('identity', 'DetA'), 'fraction'),
            Column('AssA', ('identity', 'AssA'), 'fraction'),
            Column('LocA', ('identity', 'LocA'), 'fraction'),
            Column('IDF1', ('identity', 'IDF1'), 'fraction'),
            Column('IDP', ('identity', 'IDP'), 'fraction'),
            Column('IDR', ('identity', 'IDR'), 'fraction'),
            Column('MOTA', ('identity', 'MOTA'), 'fraction'),
            Column('Id switches', ('identity', 'IDSW')),
            Column('Fragmentations', ('identity', 'Frag')),
        ),
        'Presence': (
            Column('Precision of visible', ('presence', 'precision'), 'fraction'),
            Column('Recall of visible', ('presence', 'recall'), 'fraction'),
            Column('Accuracy', ('presence', 'accuracy'), 'fraction'),
            Column('Returns', ('presence', 'returns')),
            Column('Returns taken up again', ('presence', 'taken_up')),
            Column('Frames until taken up', ('presence', 'frames_until_taken_up')),
            Column('Frames on another object', ('presence', 'on_another')),
        ),
    },
    {
        'Found without prompts': (
            Column('Instruments', ('discovery', 'instruments')),
            Column('Instruments found', ('discovery', 'found')),
            Column('Frames until found, mean', ('discovery', 'frames_until_found')),
            Column('Frames until found, most', ('discovery', 'most_frames_until_found')),
            Column('Tracks', ('discovery', 'tracks')),
            Column('Second tracks of an instrument', ('discovery', 'extra')),
            Column('False instruments', ('discovery', 'false')),
            Column('IoU, instrument or background', ('discovery', 'binary_IoU'), 'fraction'),
        ),
        'Speed': (
            Column('Tracker time, median', ('inference_ms', 'p50'), 'ms'),
            Column('Tracker time, 95 %', ('inference_ms', 'p95'), 'ms'),
            Column('Tracker time, 99 %', ('inference_ms', 'p99'), 'ms'),
        ),
        'Live': (
            Column('Rate of the images', ('live', 'MEAN_PLAYBACK_FRAME_RATE'), 'Hz'),
            Column('Mean frame rate', ('live', 'MEAN_FRAME_RATE'), 'Hz'),
            Column('Missed frames', ('live', 'NUM_MISSED_FRAMES')),
            Column('First latency', ('live', 'FIRST_LATENCY'), 'ms'),
            Column('Mean latency', ('live', 'MEAN_LATENCY'), 'ms'),
            Column('Latency, median', ('live', 'LATENCY_P50'), 'ms'),
            Column('Latency, 95 %', ('live', 'LATENCY_P95'), 'ms'),
            Column('Latency, 99 %', ('live', 'LATENCY_P99'), 'ms'),
            Column('Maximum latency', ('live', 'MAX_LATENCY'), 'ms'),
            Column('Mean jitter', ('live', 'MEAN_JITTER'), 'ms'),
            Column('Maximum jitter', ('live', 'MAX_JITTER'), 'ms'),
            Column('CPU, of one core', ('live', 'CPU'), '%'),
            Column('Resident memory', ('live', 'RESIDENT_MEMORY'), 'MB'),
            Column('Device memory', ('live', 'DEVICE_MEMORY'), 'MB'),
        ),
        'Counted': (
            Column('Videos', ('videos',)),
            Column('Objects', ('objects',)),
            Column('Frames', ('frames',)),
            Column('Dropped frames', ('dropped',)),
        ),
    },
)


@dataclass(frozen=True)
class Tile:
    """A figure that one looks at first.

    Attributes:
        name, value, unit: what is written large.
        beside: what the other side has, or what else is to be known; empty of one side alone.
    """

    name: str
    value: str
    unit: str
    beside: str


@dataclass(frozen=True)
class Row:
    """A row of the table of everything.

    Attributes:
        name: of the measure.
        values: of each side.
        change: node minus tracker; None where there is one side.
        judged: class of the change: better, worse, muted or none.
    """

    name: str
    values: tuple[str, ...]
    change: str | None = None
    judged: str = ''


def tiles(summary: Mapping[str, Any], sides: Sequence[str]) -> list[Tile]:
    """Return the figures that one looks at first.

    Args:
        summary: see `summarise`.
        sides: 'tracker', 'node' or both; the last one is written large.
    """
    wanted = [Column('J&F', ('J&F',), 'fraction'), Column('Dice', ('Dice',), 'fraction')]
    wanted.append(Column('HOTA', ('identity', 'HOTA'), 'fraction'))
    if 'node' in sides:
        if not _says_nothing(summary, sides, _MISSING_AS_0):
            wanted.append(Column(_MISSING_AS_0, ('J_missing_as_0',), 'fraction'))
        wanted.append(Column('Latency, 95 %', ('live', 'LATENCY_P95'), 'ms'))
        wanted.append(Column('Frame rate', ('live', 'MEAN_FRAME_RATE'), 'Hz'))
    elif summary[sides[-1]]['discovery'] if sides else False:
        wanted.append(Column('IDF1', ('identity', 'IDF1'), 'fraction'))
        wanted.append(Column('False instruments', ('discovery', 'false')))
    else:
        wanted.append(Column('CIoU', ('CIoU',), 'fraction'))
        wanted.append(Column('Recall of visible', ('presence', 'recall'), 'fraction'))
    found = []
    for column in wanted:
        values = {side: column.value(summary[side]) for side in sides}
        values = {side: value for side, value in values.items() if value is not None}
        if not values:
            continue
        *others, main = values
        beside = ''
        if len(sides) > 1:
            beside = main + ''.join(f'; {o} {column.written(values[o])}' for o in others)
            if column.title == 'Frame rate':
                node = summary['node']
                beside = f'{node["dropped"]:,} of {plural(node["frames"], "frame")} dropped'
        is_score = column.unit == 'fraction'
        value = fraction(values[main]) if is_score else quantity(values[main])
        found.append(Tile(column.title, value, '' if is_score else column.unit, beside))
    return found


def summary_rows(summary: Mapping[str, Any], sides: Sequence[str]) -> list[dict[str, list[Row]]]:
    """Return everything that is known of a run: the two halves of a table, by group.

    Args:
        summary: see `summarise`.
        sides: 'tracker', 'node' or both.
    """
    halves = []
    for groups in _GROUPS:
        half: dict[str, list[Row]] = {}
        for group, columns in groups.items():
            for column in columns:
                values = [column.value(summary[side]) for side in sides]
                known = any(value is not None for value in values)
                if known and not _says_nothing(summary, sides, column.title):
                    half.setdefault(group, []).append(_row(summary, column, values))
        halves.append(half)
    return halves


def _row(summary: Mapping[str, Any], column: Column, values: Sequence[float | None]) -> Row:
    written = tuple(column.written(value) for value in values)
    if len(values) < 2:
        return Row(column.title, written)
    return Row(column.title, written, *_difference(summary, column, *values))


def _says_nothing(summary: Mapping[str, Any], sides: Sequence[str], name: str) -> bool:
    """Whether a row repeats another: frames that are missing count only where some are."""
    if name == _MISSING_AS_0:
        return all(summary[side]['J_missing_as_0'] == summary[side]['J'] for side in sides)
    if name in ('Returns taken up again', 'Frames until taken up'):
        return not any(summary[side]['presence'].get('returns') for side in sides)
    return False


def _difference(
    summary: Mapping[str, Any], column: Column, tracker: float | None, node: float | None
) -> tuple[str, str]:
    """Write node minus tracker: of the masks over the frames that both answered, and judged."""
    shared = summary.get('node_minus_tracker') or {}
    key = column.path[0]
    if len(column.path) == 1 and key in shared and column.unit == 'fraction':
        change = shared[key]
        if change is None:
            return '–', ''
        judged = 'muted' if abs(change) < _NOTICEABLE else 'better' if change > 0 else 'worse'
        return signed(change), judged
    if tracker is None or node is None or key in ('videos', 'objects', 'frames'):
        return '', ''
    change = node - tracker
    whole = float(change).is_integer() or abs(change) > 99
    return signed(change, 3 if column.unit == 'fraction' else 0 if whole else 1), ''
