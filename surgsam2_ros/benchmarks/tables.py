# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Rows of the benchmark as tables for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TITLES = ('model', 'px', 'objects', 'ms', 'CPU ms', 'against', 'times faster', 'CPU', 'GFLOP/s')


def markdown_table(report: Mapping[str, Any]) -> str:
    """Return a table of the rows in Markdown, with what it was measured on below.

    Args:
        report: what `surgsam2 bench --json` writes.
    """
    lines = [_line(_TITLES), _line(['---'] * len(_TITLES))]
    lines += [_line(_cells(row)) for row in report['rows']]
    hardware, versions = report['hardware'], report['versions']
    where = hardware['gpu'] or hardware['processor']
    lines += [
        '',
        f'{where}, {hardware["cores"]} cores, {report["threads"]} threads; a large matrix product '
        f'reaches {report["peak_gflop_per_s"]:.0f} GFLOP/s here. PyTorch {versions["torch"]}, '
        f'medians, random weights where none are there.',
    ]
    return '\n'.join(lines)


def _cells(row: Mapping[str, Any]) -> list[str]:
    beside = ['', '', '']
    if row['against'] is not None:
        beside = [row['against'], f'{row["wall_ratio"]:.2f}', f'{row["cpu_ratio"]:.2f}']
    return [
        row['model'],
        str(row['size']),
        str(row['objects']),
        f'{row["wall_ms"]:.0f}',
        f'{row["cpu_ms"]:.0f}',
        *beside,
        f'{row["gflop_per_s"]:.0f}',
    ]


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f'| {" | ".join(cells)} |'
