# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Rows of the running node as a table for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TITLES = (
    'model',
    'objects',
    'image',
    'Hz in',
    'Hz out',
    'missed',
    'latency p50',
    'p95',
    'max',
    'inference p50',
    'transport p50',
    'overhead p50',
    'p95',
    'cores',
    'MB',
    'MB/min',
)
_VIEWED = ('viewers', 'shown Hz', 'lag p50', 'p95')
"""Columns more when the operator's page was looked at."""

_PREVIEWED = ('preview p50', 'p95')
"""Columns more when previews were asked for."""

_LAG = "Lag from the node's result to the arrival of its picture at a viewer. "


def node_table(report: Mapping[str, Any]) -> str:
    """Return a Markdown table of the rows, below it where and by which command it was made.

    Args:
        report: what `surgsam2 bench --through node --json` writes.
    """
    rows = report['rows_through_node']
    viewed = any(row.get('viewers') for row in rows)
    previewed = any('preview_ms' in row for row in rows)
    titles = _TITLES + _VIEWED * viewed + _PREVIEWED * previewed
    lines = [_line(titles), _line(['---'] * len(titles))]
    for row in rows:
        more = _viewed_cells(row) if viewed else []
        lines.append(_line(_cells(row) + more + (_preview_cells(row) if previewed else [])))
    hardware = report['hardware']
    where = hardware['gpu'] or hardware['processor']
    versions = ', '.join(f'{name} {version}' for name, version in report['versions'].items())
    lines += [
        '',
        f'{where}, {hardware["cores"]} cores. Times in ms; latency from the stamp of an image to '
        'the arrival of its tracks, overhead without inference and transport. '
        f'{_LAG * viewed}{versions}.',
        '',
        f'    {report["command"]}',
    ]
    return '\n'.join(lines)


def _cells(row: Mapping[str, Any]) -> list[str]:
    return [
        row['model'],
        str(row['objects']),
        row['image'],
        _number(row['MEAN_PLAYBACK_FRAME_RATE']),
        _number(row['MEAN_FRAME_RATE']),
        str(row['NUM_MISSED_FRAMES']),
        *(_number(row['latency_ms'][name]) for name in ('p50', 'p95', 'max')),
        _number(row['inference_ms']['p50']),
        _number(row['transport_ms']['p50']),
        *(_number(row['overhead_ms'][name]) for name in ('p50', 'p95')),
        _number(row['cpu_cores'], digits=2),
        _number(row['resident_mb_end'], digits=0),
        _number(row['resident_growth_mb_per_min']),
    ]


def _viewed_cells(row: Mapping[str, Any]) -> list[str]:
    return [
        str(row['viewers']),
        *(_number(row[name]) for name in ('shown_hz', 'lag_ms_p50', 'lag_ms_p95')),
    ]


def _preview_cells(row: Mapping[str, Any]) -> list[str]:
    return [_number(row['preview_ms'][name]) for name in ('p50', 'p95')]


def _number(value: float | None, *, digits: int = 1) -> str:
    return '–' if value is None else f'{value:.{digits}f}'


def _line(cells: Any) -> str:
    return f'| {" | ".join(cells)} |'
