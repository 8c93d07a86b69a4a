# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The report of a check as Markdown, which reads as text too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from surgsam2_ros.benchmarks.gpu_check.speed import EXACT

GOALS = (
    # px, objects, least frames a second of one H100 or H200, with the network of the check
    (512, 1, 200.0),
    (1024, 1, 100.0),
)
MOST_FOR_EIGHT = 1.3
"""Time of a frame with 8 objects at 512 px in times of that with 1."""
_SHOWN = ('value', 'distance', 'bound', 'worst_frame', 'growth_mb', 'bound_mb', 'waited', 'said')
_MARKS = {True: 'passed', False: 'FAILED', None: 'measured'}


def markdown(report: Mapping[str, Any]) -> str:
    """Return all parts of a report, one after the other, and what it comes to.

    Args:
        report: what `surgsam2 gpu-check` writes.
    """
    lines = []
    for part in report['parts']:
        lines += [f'## {part["title"]}: {part["status"]}', '']
        if part['said']:
            lines += [part['said'], '']
        timed = [row for row in part['rows'] if 'ms' in row]
        others = [row for row in part['rows'] if 'ms' not in row]
        if others:
            lines += [*_rows(('result', 'what', 'figures'), map(_checked, others)), '']
        if timed:
            lines += [*_speeds(timed), '']
        if part['command']:
            lines += [f'    {part["command"]}', '']
    lines += [*goals(report), verdict(report), '']
    return '\n'.join(lines)


def verdict(report: Mapping[str, Any]) -> str:
    """Return in a line whether all was right, what was not, and what was not done."""
    wrong = [part['title'] for part in report['parts'] if not part['passed']]
    cut = [part['title'] for part in report['parts'] if part['status'] == 'cut']
    rows = [row for part in report['parts'] for row in part['rows']]
    not_run = [row['what'] for row in rows if 'not_run' in row]
    text = f'FAILED: {"; ".join(wrong)}' if wrong else 'PASSED'
    text += f'. Cut for want of time: {"; ".join(cut)}' if cut else ''
    return text + (f'. Not run: {"; ".join(not_run)}' if not_run else '')


def goals(report: Mapping[str, Any]) -> list[str]:
    """Return a line for each goal of speed that was timed."""
    cells = {
        (row['size'], row['objects']): row['ms']
        for part in report['parts']
        for row in part['rows']
        if row.get('way') == EXACT and row['model'] == report['model'] and part['name'] == 'speed'
    }
    lines = []
    for size, objects, least in GOALS:
        if (size, objects) in cells:
            reached = 1e3 / cells[size, objects]
            lines.append(f'{size} px: {reached:.0f} frames/s, goal {least:.0f}')
    if (512, 1) in cells and (512, 8) in cells:
        times = cells[512, 8] / cells[512, 1]
        lines.append(f'8 objects: {times:.2f} times the time of 1, goal {MOST_FOR_EIGHT}')
    return [f'- {line}' for line in lines] + [''] if lines else []


def _checked(row: Mapping[str, Any]) -> list[str]:
    if 'not_run' in row:
        mark = 'not run' if row['passed'] is None else _MARKS[False]
        return [mark, row['what'], row['not_run']]
    figures = [f'{name} {_written(row[name])}' for name in _SHOWN if row.get(name) is not None]
    if row.get('fell_back'):
        figures.append(f'fell back: {"; ".join(row["fell_back"])}')
    figures += [f'{name} {_written(value)}' for name, value in row.get('figures', {}).items()]
    return [_MARKS[row['passed']], row['what'], ', '.join(figures).removeprefix('value ')]


def _speeds(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    titles = ('network', 'px', 'objects', 'way', 'ms', 'p99', 'times of ours exact', 'note')
    return _rows(
        titles,
        (
            [
                row['model'],
                str(row['size']),
                str(row['objects']),
                f'{row["way"]}, {row["precision"]}',
                f'{row["ms"]:.2f}',
                f'{row["p99_ms"]:.2f}',
                f'{row["times_exact"]:.2f}',
                '; '.join(row['fell_back']),
            ]
            for row in rows
        ),
    )


def _rows(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    cells = [list(titles), ['---'] * len(titles), *(list(row) for row in rows)]
    return ['| ' + ' | '.join(text.replace('|', '/') for text in line) + ' |' for line in cells]


def _written(value: Any) -> str:
    return f'{value:.3g}' if isinstance(value, float) else str(value)
