# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Rows of the benchmark as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# Title, field of a row and digits after the point; columns that no row fills are left out.
_COLUMNS = (
    ('model', 'model', None),
    ('px', 'size', None),
    ('objects', 'objects', None),
    ('engine', 'engine', None),
    ('profile', 'profile', None),
    ('precision', 'precision', None),
    ('pruned', 'pruned', None),
    ('ms', 'wall_ms', 0),
    ('CPU ms', 'cpu_ms', 0),
    ('GFLOP/s', 'gflop_per_s', 0),
    ('transient MB', 'peak_memory_mb', 0),
    ('growth MB', 'memory_growth_mb', 0),
    ('against', 'against', None),
    ('its pruned', 'pruned_against', None),
    ('its ms', 'wall_ms_against', 0),
    ('its transient MB', 'peak_memory_mb_against', 0),
    ('its growth MB', 'memory_growth_mb_against', 0),
    ('times faster', 'wall_ratio', 2),
    ('in CPU time', 'cpu_ratio', 2),
)
_OTHER_VERSIONS = ('rosbags', 'TrackEval', 'rclpy')  # of what a frame does not meet


def markdown_table(report: Mapping[str, Any]) -> str:
    """Return a table of the rows in Markdown, below it on what and by which command it was made.

    Args:
        report: what `surgsam2 bench --json` writes, with at least one row.
    """
    rows = report['rows']
    columns = [c for c in _COLUMNS if any(row.get(c[1]) is not None for row in rows)]
    lines = [_line([title for title, _, _ in columns]), _line(['---'] * len(columns))]
    lines += [
        _line([_cell(row.get(field), digits) for _, field, digits in columns]) for row in rows
    ]
    hardware, threads = report['hardware'], report['threads']
    where = hardware['gpu'] or hardware['processor']
    weights = ' and '.join(sorted({row['weights'] for row in rows}))
    grown = (
        '' if not report['growth_frames'] else f' Growth is over {report["growth_frames"]} frames.'
    )
    versions = ', '.join(
        f'{name} {version}'
        for name, version in report['versions'].items()
        if name not in _OTHER_VERSIONS
    )
    lines += [
        '',
        f'{where}, {counted(hardware["cores"], "core")}, {counted(threads, "thread")}, where a '
        f'large matrix product reaches {report["peak_gflop_per_s"]:.0f} GFLOP/s. Medians, '
        f'{weights} weights.{grown} {versions}.',
        '',
        f'    {report["command"]}',
    ]
    return '\n'.join(lines)


def counted(number: int, what: str) -> str:
    """Write a number of things, such as '1 core' or '2 cores'."""
    return f'{number} {what}{"" if number == 1 else "s"}'


def _cell(value: str | float | None, digits: int | None) -> str:
    if value is None:
        return '–'
    if digits is None:
        return str(value)
    return f'{round(value, digits) + 0.0:.{digits}f}'  # without a sign before zero


def _line(cells: Sequence[str]) -> str:
    return f'| {" | ".join(cells)} |'
