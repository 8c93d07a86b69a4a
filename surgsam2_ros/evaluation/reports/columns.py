# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Columns of the tables of a report: where each value is in its summary, how it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from surgsam2_ros.evaluation.measures import FRAME_MEASURES, SCORES
from surgsam2_ros.evaluation.reports.formatting import fraction, quantity

_MEASURES = tuple(measure.key for measure in FRAME_MEASURES)


@dataclass(frozen=True)
class Column:
    """One column, or one row of the table of everything.

    Attributes:
        title: its head.
        path: keys that lead to the value.
        unit: 'fraction' of a score, 'text', else the unit of a quantity, '' of a count.
    """

    title: str
    path: tuple[str, ...]
    unit: str = ''

    def value(self, entry: Mapping[str, Any]) -> Any:
        """Return the value; None where there is none."""
        found: Any = entry
        for key in self.path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def written(self, value: Any) -> str:
        """Write a value."""
        if self.unit == 'text':
            return '–' if value is None else str(value)
        return fraction(value) if self.unit == 'fraction' else quantity(value, self.unit)


def cells(columns: Sequence[Column], entry: Mapping[str, Any]) -> list[str]:
    """Return what a row has in these columns."""
    return [column.written(column.value(entry)) for column in columns]


def _scores(*keys: str) -> tuple[Column, ...]:
    return tuple(Column(key, (key,), 'fraction') for key in keys)


BASELINES = (
    *_scores(*SCORES, 'CIoU'),
    Column('HOTA', ('identity', 'HOTA'), 'fraction'),
    Column('Presence right', ('presence', 'accuracy'), 'fraction'),
    Column('On another object', ('presence', 'on_another')),
    Column('Returns', ('presence', 'returns')),
    Column('Taken up', ('presence', 'taken_up')),
    Column('Objects', ('objects',)),
    Column('ms per frame', ('inference_ms', 'p50')),
)
OBJECTS = (
    *_scores('J&F', *_MEASURES),
    Column('Worst J', ('worst_J',), 'fraction'),
    Column('at frame', ('worst_frame',)),
    Column('Precision', ('presence', 'precision'), 'fraction'),
    Column('Recall', ('presence', 'recall'), 'fraction'),
    Column('Returns', ('presence', 'returns')),
    Column('Taken up', ('presence', 'taken_up')),
    Column('Frames', ('frames',)),
    Column('Missing', ('missing',)),
)
VIDEOS = (
    *_scores(*_MEASURES, 'CIoU'),
    Column('HOTA', ('identity', 'HOTA'), 'fraction'),
    Column('IDF1', ('identity', 'IDF1'), 'fraction'),
    Column('Switches', ('identity', 'IDSW')),
    Column('Objects', ('objects',)),
    Column('Frames', ('frames',)),
    Column('Dropped', ('dropped',)),
)
FOUND_OBJECTS = (
    Column('Track', ('discovery', 'track'), 'text'),
    Column('Frames until found', ('discovery', 'frames_until_found')),
)
"""Besides those of OBJECTS, where nothing was prompted."""
FOUND_VIDEOS = (
    Column('HOTA', ('identity', 'HOTA'), 'fraction'),
    Column('IDF1', ('identity', 'IDF1'), 'fraction'),
    Column('Switches', ('identity', 'IDSW')),
    Column('Instruments', ('discovery', 'instruments')),
    Column('Found', ('discovery', 'found')),
    Column('after frames', ('discovery', 'frames_until_found')),
    Column('Second tracks', ('discovery', 'extra')),
    Column('False', ('discovery', 'false')),
    Column('Binary IoU', ('discovery', 'binary_IoU'), 'fraction'),
    Column('Frames', ('frames',)),
)
"""In place of VIDEOS, where nothing was prompted."""
RUNS = (
    Column('Model', ('model',), 'text'),
    Column('Through', ('through',), 'text'),
    *_scores('J&F', 'J', 'F', 'Dice', 'CIoU', 'HOTA', 'IDF1'),
    Column('Switches', ('IDSW',)),
    Column('ms per frame', ('inference_ms_p50',)),
    Column('Dropped', ('dropped',)),
    Column('Objects', ('objects',)),
)
