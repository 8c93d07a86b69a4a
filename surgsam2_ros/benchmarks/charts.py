# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Rows of the benchmark as a picture: time of a frame, and what part of it each stage takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from surgsam2_ros.benchmarks.figures import (
    BLUE,
    GREEN,
    ORANGE,
    PALE,
    PINK,
    RULE,
    SKY,
    YELLOW,
    bare,
    blank,
    styled,
    write_picture,
)
from surgsam2_ros.benchmarks.tables import counted

_BAR, _CASE = 26, 34  # height of a bar with its gap, and of the heading of a case [px]
_OTHER = '#aab2ba'
_STAGES = {
    'encoder': SKY,
    'memory attention': ORANGE,
    'decoder': GREEN,
    'memory encoder': PINK,
    'all after the encoder': YELLOW,
    'rest': '#c8c8c8',
}
_NAMED = 0.08  # a part of a bar that is large enough to hold its share


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


@styled
def draw_chart(report: Mapping[str, Any]) -> Figure:
    """Draw the rows of a report, 1000 pixels wide.

    Args:
        report: what `surgsam2 bench --json` writes, with at least one row.
    """
    bars = bars_of(report)
    places, headings, y = [], {}, 0.0
    for bar in bars:
        if bar.case not in headings:
            headings[bar.case] = y
            y += _CASE
        places.append(y + _BAR / 2)
        y += _BAR
    figure = blank(1000, round(y) + 110)
    hardware = report['hardware']
    where = hardware['gpu'] or hardware['processor']
    title = f'{where}, {counted(report["threads"], "thread")}'
    figure.suptitle(title, x=0.01, ha='left', fontsize=9.5, color=PALE)
    times, shares = figure.subplots(1, 2, sharey=True)
    for axes in (times, shares):
        bare(axes)
        axes.set(xticks=[], ylim=(y, 0))
    for case, top in headings.items():
        times.axhline(top + 6, color=RULE)
        shares.axhline(top + 6, color=RULE)
        times.text(0, top + 25, case, weight='bold')
    _draw_times(times, bars, places)
    _draw_shares(shares, bars, places)
    patches = [Patch(color=colour, label=stage) for stage, colour in _STAGES.items()]
    figure.legend(handles=patches, loc='outside lower center', ncols=len(patches))
    return figure


def write_chart(path: Path, report: Mapping[str, Any]) -> None:
    """Write the picture of a report as PNG.

    Raises:
        OSError: when it cannot be written.
    """
    write_picture(path, draw_chart(report))


def _draw_times(axes: Axes, bars: Sequence[Bar], places: Sequence[float]) -> None:
    axes.set_title('time of a frame [ms]')
    walls = [bar.wall_ms for bar in bars]
    colours = [BLUE if bar.name == 'ours' else _OTHER for bar in bars]
    drawn = axes.barh(places, walls, height=0.7 * _BAR, color=colours)
    axes.bar_label(drawn, [f'{wall:.{1 if wall < 100 else 0}f}' for wall in walls], padding=6)
    axes.set_xlim(0, 1.15 * max(walls))
    axes.set_yticks(places, [bar.name for bar in bars])
    for label, bar in zip(axes.get_yticklabels(), bars, strict=True):
        label.set_weight('bold' if bar.name == 'ours' else 'normal')


def _draw_shares(axes: Axes, bars: Sequence[Bar], places: Sequence[float]) -> None:
    axes.set_title('CPU time by stage [%]')
    axes.set_xlim(0, 1)
    spent = np.array([[max(bar.stages.get(stage, 0.0), 0.0) for stage in _STAGES] for bar in bars])
    parts = spent / np.maximum(spent.sum(axis=1, keepdims=True), 1e-9)
    begins = parts.cumsum(axis=1) - parts
    for number, colour in enumerate(_STAGES.values()):
        widths = parts[:, number]
        drawn = axes.barh(places, widths, left=begins[:, number], height=0.7 * _BAR, color=colour)
        texts = [f'{100 * width:.0f}' if width >= _NAMED else '' for width in widths]
        axes.bar_label(drawn, texts, label_type='center')
