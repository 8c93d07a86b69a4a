# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The table of every object of a run, folded away until it is wanted."""

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
    table,
)

_MEANS = ('J&F', *(measure.key for measure in FRAME_MEASURES))
_HEAD = ('Video', 'Object', *_MEANS, 'Worst J', 'at frame', 'Precision', 'Recall')
_HEAD += ('Returns', 'Taken up', 'Frames', 'Missing')


def object_tables(summary: Mapping[str, Any], sides: Sequence[str]) -> Markup:
    """Return a table per side.

    Args:
        summary: see `summarise`.
        sides: 'tracker', 'node' or both.
    """
    parts = []
    for side in sides:
        rows = [
            _row(video, entry)
            for video in summary[side]['by_video']
            for entry in video['by_object']
        ]
        if rows:
            title = plural(len(rows), 'object')
            title += f' through the {side}, one by one' if len(sides) > 1 else ', one by one'
            parts.append(
                element(
                    'details',
                    element('summary', element('b', title)),
                    table(_HEAD, rows, sortable=True, text_columns=2),
                    class_='video',
                )
            )
    return join(parts)


def _row(video: Mapping[str, Any], entry: Mapping[str, Any]) -> list[str]:
    presence = entry['presence']
    return [
        video['video'],
        f'{entry["object"]} {entry["name"]}'.strip(),
        *(fraction(entry[key]) for key in (*_MEANS, 'worst_J')),
        quantity(entry['worst_frame']),
        *(fraction(presence.get(key)) for key in ('precision', 'recall')),
        *(quantity(presence.get(key)) for key in ('returns', 'taken_up')),
        *(f'{entry[key]:,}' for key in ('frames', 'missing')),
    ]
