# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A soak as a picture: memory, latency, and what has to stay the same, over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from surgsam2_ros.benchmarks.figures import (
    BLUE,
    GREEN,
    ORANGE,
    PALE,
    blank,
    styled,
    write_picture,
)

if TYPE_CHECKING:
    from surgsam2_ros.live.soak.census import Census
    from surgsam2_ros.live.soak.run import Phase

_BIN_S = 10.0

Points = list[tuple[float, float]]


@styled
def draw_soak(phases: Sequence[Phase], title: str) -> Figure:
    """Draw a run, 1000 pixels wide; lines upright are where another size of images begins.

    Args:
        phases: at least one.
        title: said above.
    """
    figure = blank(1000, 720)
    figure.suptitle(title, x=0.01, ha='left', fontsize=9.5, weight='bold')
    panels = {
        'memory [MB]': {'resident': _counted(phases, lambda c: c.resident_mb)},
        f'latency, 99% of {_BIN_S:g} s [ms]': {'latency': _latency(phases)},
        'how many': {
            'descriptors': _counted(phases, lambda c: c.descriptors),
            'threads': _counted(phases, lambda c: c.threads),
            'endpoints': _counted(phases, lambda c: c.endpoints),
        },
    }
    for axes, (name, lines) in zip(
        figure.subplots(len(panels), 1, sharex=True), panels.items(), strict=True
    ):
        axes.set_title(name)
        axes.grid(axis='y')
        for (label, points), colour in zip(lines.items(), (BLUE, ORANGE, GREEN), strict=False):
            seconds, values = zip(*points, strict=True) if points else ((), ())
            axes.plot([s / 60 for s in seconds], values, color=colour, label=label)
        for phase in phases[1:]:
            axes.axvline((phase.begin_s - phases[0].begin_s) / 60, color=PALE, linewidth=1)
        axes.set_ylim(bottom=0)
        if len(lines) > 1:
            axes.legend(loc='lower right', ncols=len(lines))
    axes.set_xlabel('minutes')
    axes.set_xlim(0, max((phases[-1].censuses[-1].at_s - phases[0].begin_s) / 60, 1e-3))
    return figure


def write_soak(path: Path, phases: Sequence[Phase], title: str) -> None:
    """Write the picture of a run as PNG.

    Raises:
        OSError: when it cannot be written.
    """
    write_picture(path, draw_soak(phases, title))


def _counted(phases: Sequence[Phase], value: Callable[[Census], float]) -> Points:
    begin_s = phases[0].begin_s
    return [(c.at_s - begin_s, float(value(c))) for phase in phases for c in phase.censuses]


def _latency(phases: Sequence[Phase]) -> Points:
    """Return the 99th percentile of the results of every few seconds."""
    bins: dict[int, list[float]] = {}
    for phase in phases:
        for at_s, latency_ms in phase.latencies:
            bins.setdefault(int((at_s - phases[0].begin_s) / _BIN_S), []).append(latency_ms)
    return [
        ((number + 0.5) * _BIN_S, float(np.percentile(values, 99)))
        for number, values in sorted(bins.items())
    ]
