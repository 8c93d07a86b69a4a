# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Rows of the benchmark as a picture: time of a frame, and what part of it each stage takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from surgsam2_ros.benchmarks.canvas import (
    INK,
    PALE,
    RULE,
    Canvas,
    Colour,
    text_width,
    write_picture,
)
from surgsam2_ros.benchmarks.tables import counted

_WIDTH, _BAR, _GAP, _HEAD = 1000, 18, 8, 84
_NAMES, _TIMES, _SHARES, _END = 150, 160, 620, 980
_OURS, _OTHER = (0, 114, 178), (170, 178, 186)
# Colours by Okabe and Ito (2008), told apart with any colour vision.
_STAGES: Mapping[str, Colour] = {
    'encoder': (86, 180, 233),
    'memory attention': (230, 159, 0),
    'decoder': (0, 158, 115),
    'memory encoder': (204, 121, 167),
    'all after the encoder': (240, 228, 66),
    'rest': (200, 200, 200),
}


@dataclass(frozen=True)
class Bar:
    """One tracker in one case.

    Attributes:
        case: what it tracked.
        name: of the tracker.
        wall_ms: time of a frame.
        stages: CPU milliseconds of each stage.
    """

    case: str
    name: str
    wall_ms: float
    stages: Mapping[str, float]


def bars_of(report: Mapping[str, Any]) -> list[Bar]:
    """Return the bars of a report in its order; ours once for every case."""
    bars, seen = [], set()
    several = len({row.get('pruned') for row in report['rows']}) > 1
    for row in report['rows']:
        objects = counted(row['objects'], 'object')
        case = f'{row["model"]}, {row["size"]} px, {objects}'
        if several:
            case += f', {row["pruned"]} memories pruned'
        if case not in seen:
            seen.add(case)
            bars.append(Bar(case, 'ours', row['wall_ms'], row['stages_cpu_ms']))
        if row['against'] is not None:
            stages = row['stages_cpu_ms_against']
            bars.append(Bar(case, row['against'], row['wall_ms_against'], stages))
    return bars


def draw_chart(report: Mapping[str, Any]) -> np.ndarray:
    """Draw the rows of a report.

    Args:
        report: what `surgsam2 bench --json` writes, with at least one row.

    Returns:
        uint8 [height, 1000, 3] RGB.
    """
    bars = bars_of(report)
    cases = len({bar.case for bar in bars})
    height = _HEAD + len(bars) * (_BAR + _GAP) + cases * 34 + 12
    canvas = Canvas(_WIDTH, height)
    hardware = report['hardware']
    where = hardware['gpu'] or hardware['processor']
    canvas.text(f'{where}, {counted(report["threads"], "thread")}', 20, 24, PALE)
    canvas.text('time of a frame [ms]', _TIMES, 74, INK, bold=True)
    canvas.text('CPU time by stage [%]', _SHARES, 74, INK, bold=True)
    _legend(canvas)
    longest = max(bar.wall_ms for bar in bars)
    y, case = _HEAD, ''
    for bar in bars:
        if bar.case != case:
            case = bar.case
            canvas.rectangle(20, y + 4, _END, y + 5, RULE)
            canvas.text(case, 20, y + 24, INK, bold=True)
            y += 34
        _draw(canvas, bar, y, longest)
        y += _BAR + _GAP
    return canvas.picture()


def write_chart(path: Path, report: Mapping[str, Any]) -> None:
    """Write the picture of a report as PNG.

    Raises:
        OSError: when it cannot be written.
    """
    write_picture(path, draw_chart(report))


def _legend(canvas: Canvas) -> None:
    """Name the colours of the stages, up to the right end."""
    x = _END - sum(text_width(stage) + 18 for stage in _STAGES) - 24 * (len(_STAGES) - 1)
    for stage, colour in _STAGES.items():
        canvas.rectangle(x, 38, x + 12, 50, colour)
        canvas.text(stage, x + 18, 49, PALE)
        x += text_width(stage) + 18 + 24


def _draw(canvas: Canvas, bar: Bar, y: int, longest: float) -> None:
    baseline = y + _BAR - 5
    ours = bar.name == 'ours'
    canvas.text(bar.name, _NAMES, baseline, INK, align='right', bold=ours)
    room = _SHARES - _TIMES - 80
    end = _TIMES + room * bar.wall_ms / longest
    canvas.rectangle(_TIMES, y, end, y + _BAR, _OURS if ours else _OTHER)
    digits = 1 if bar.wall_ms < 100 else 0
    canvas.text(f'{bar.wall_ms:.{digits}f}', end + 8, baseline, INK)
    for stage, left, right in _shares(bar.stages):
        start, stop = (_SHARES + (_END - _SHARES) * part for part in (left, right))
        canvas.rectangle(start, y, stop, y + _BAR, _STAGES[stage])
        if right - left >= 0.08:
            canvas.text(
                f'{100 * (right - left):.0f}', (start + stop) / 2, baseline, INK, align='centre'
            )


def _shares(stages: Mapping[str, float]) -> Iterator[tuple[str, float, float]]:
    """Yield each stage with the parts of the whole at which it begins and ends."""
    whole = sum(max(spent, 0.0) for spent in stages.values()) or 1.0
    begin = 0.0
    for stage in _STAGES:
        end = begin + max(stages.get(stage, 0.0), 0.0) / whole
        yield stage, begin, end
        begin = end
