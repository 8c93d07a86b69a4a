# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A run as a picture: a line for each fault, a bar for each time it struck, results below."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from surgsam2_ros.benchmarks.figures import (
    BLUE,
    GREEN,
    ORANGE,
    PALE,
    PINK,
    VERMILION,
    blank,
    styled,
    write_picture,
)

if TYPE_CHECKING:
    from surgsam2_ros.live.chaos.run import Outcome

STRIKE, CHECK, FAILED, KNOWN = ORANGE, GREEN, VERMILION, PINK
_LEGEND = {
    'fault': STRIKE,
    'recovery and checks, passed': CHECK,
    'failed': FAILED,
    'known limit': KNOWN,
}
_LINE, _GRAPH, _MARGINS = 22, 90, 170  # heights [px]
_MOST_LETTERS = 60


@styled
def draw_timeline(outcomes: Sequence[Outcome], results_s: Sequence[float], title: str) -> Figure:
    """Draw a run, 1200 pixels wide.

    Args:
        outcomes: at least one.
        results_s: when results came, counted from the begin of the run [s].
        title: said above.
    """
    names = list(dict.fromkeys(outcome.fault for outcome in outcomes))
    end_s = max(outcomes[-1].ended_s, 1.0)
    figure = blank(1200, _LINE * len(names) + _GRAPH + _MARGINS)
    figure.suptitle(title, x=0.01, ha='left', fontsize=9.5, weight='bold')
    heights = (_LINE * len(names), _GRAPH)
    faults, rate = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    faults.set_yticks(range(len(names)), names)
    faults.set(ylim=(len(names) - 0.5, -0.5), xlim=(0, end_s))
    faults.grid(axis='x')
    _say_what_failed(faults, names, outcomes, end_s)
    for outcome in outcomes:
        line = names.index(outcome.fault)
        if outcome.skipped:
            faults.text(outcome.began_s, line, ' skipped', va='center', color=PALE)
            continue
        passed = KNOWN if outcome.known else FAILED if outcome.findings else CHECK
        faults.broken_barh(
            [
                (outcome.began_s, outcome.struck_s - outcome.began_s),
                (outcome.struck_s, outcome.ended_s - outcome.struck_s),
            ],
            (line - 0.32, 0.64),
            facecolors=(STRIKE, passed),
        )
    counts, edges = np.histogram(results_s, bins=np.arange(0, int(end_s) + 2))
    rate.stairs(counts, edges, fill=True, color=BLUE)
    rate.set_title('results per second')
    rate.xaxis.set_major_locator(MaxNLocator(12, steps=[1, 3, 6]))
    rate.xaxis.set_major_formatter(FuncFormatter(lambda s, _: f'{s // 60:.0f}:{s % 60:02.0f}'))
    patches = [Patch(color=colour, label=word) for word, colour in _LEGEND.items()]
    figure.legend(handles=patches, loc='outside lower center', ncols=len(patches))
    return figure


def _say_what_failed(
    axes: Axes, names: Sequence[str], outcomes: Sequence[Outcome], end_s: float
) -> None:
    """Write beside the first failure of each fault what it was, where there is more room."""
    for line, label in enumerate(axes.get_yticklabels()):
        failed = [o for o in outcomes if o.fault == names[line] and o.failed]
        if not failed:
            continue
        label.set_color(FAILED)
        first = failed[0]
        text = f'{first.index}: {first.findings[0]}'
        text = text if len(text) <= _MOST_LETTERS else f'{text[: _MOST_LETTERS - 3]}...'
        if end_s - first.ended_s > first.began_s:
            axes.text(first.ended_s, line, f'  {text}', va='center', color=FAILED)
        else:
            axes.text(first.began_s, line, f'{text}  ', va='center', ha='right', color=FAILED)


def write_timeline(
    path: Path, outcomes: Sequence[Outcome], results_s: Sequence[float], title: str
) -> None:
    """Write the picture of a run as PNG.

    Raises:
        OSError: when it cannot be written.
    """
    write_picture(path, draw_timeline(outcomes, results_s, title))
