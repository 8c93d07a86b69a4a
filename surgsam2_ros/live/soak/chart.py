# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A soak as a picture: memory, latency, and what has to stay the same, over time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from surgsam2_ros.benchmarks.figures import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PALE,
    RULE,
    blank,
    headline,
    styled,
    write_picture,
)
from surgsam2_ros.live.soak.verdict import GROWTH_MB_PER_10_MIN, LATENCY_RATIO, WARM_UP_S

if TYPE_CHECKING:
    from surgsam2_ros.live.soak.census import Census
    from surgsam2_ros.live.soak.run import Phase

_BIN_S = 10.0
_LEAST_SPAN_MB = 10.0  # of the axis of memory: less would make a drama of pages

Points = list[tuple[float, float]]


@styled
def draw_soak(phases: Sequence[Phase], title: str) -> Figure:
    """Draw a run, 1000 pixels wide, with what was made of each phase.

    Args:
        phases: at least one; each is of another size of images.
        title: said above.
    """
    figure = blank(1000, 760)
    broken = sum(len(phase.limits.findings) for phase in phases)
    verdict = f'limits broken: {broken}' if broken else 'all limits kept'
    headline(figure, title, verdict, good=not broken)
    memory, latency, counts = figure.subplots(3, 1, sharex=True)
    _plot(memory, 'memory of its own [MB]', {'': _counted(phases, lambda c: c.own_mb)})
    memory.set_ylim(*_span_of_memory(phases))
    _plot(latency, f'latency, 99% of {_BIN_S:g} s [ms]', {'': _latency(phases)})
    lines = {
        'descriptors': _counted(phases, lambda c: c.descriptors),
        'threads': _counted(phases, lambda c: c.threads),
        'endpoints': _counted(phases, lambda c: c.endpoints),
    }
    _plot(counts, 'how many', lines)
    counts.legend(loc='lower right', ncols=len(lines))
    for axes in (memory, latency, counts):
        _shade_warm_ups(axes, phases)
    for phase in phases:
        _say_verdicts(memory, latency, phase, phases[0].begin_s)
    counts.xaxis.set_major_locator(MaxNLocator(12, steps=[1, 2, 5, 10]))
    strict = any(phase.limits.strict for phase in phases)
    grey = f'; grey: the first {WARM_UP_S / 60:g} of a size, which are not judged'
    counts.set_xlabel(f'minutes{grey if strict else ""}')
    counts.set_xlim(0, max((phases[-1].censuses[-1].at_s - phases[0].begin_s) / 60, 1e-3))
    return figure


def write_soak(path: Path, phases: Sequence[Phase], title: str) -> None:
    """Write the picture of a run as PNG.

    Raises:
        OSError: when it cannot be written.
    """
    write_picture(path, draw_soak(phases, title))


def _plot(axes: Axes, name: str, lines: dict[str, Points]) -> None:
    axes.set_title(name)
    axes.grid(axis='y')
    for (label, points), colour in zip(lines.items(), (BLUE, ORANGE, GREEN), strict=False):
        seconds, values = zip(*points, strict=True) if points else ((), ())
        axes.plot([s / 60 for s in seconds], values, color=colour, label=label)
    axes.set_ylim(bottom=0)


def _span_of_memory(phases: Sequence[Phase]) -> tuple[float, float]:
    """Return the axis of memory [MB]; it begins below the smallest value after the warm-up."""
    settled = [
        c.own_mb
        for phase in phases
        for c in phase.censuses
        if not phase.limits.strict or c.at_s >= phase.begin_s + WARM_UP_S
    ]
    low = math.floor(min(settled) / 10 - 1) * 10
    return low, max(math.ceil(max(settled) / 10) * 10, low + _LEAST_SPAN_MB)


def _shade_warm_ups(axes: Axes, phases: Sequence[Phase]) -> None:
    for phase in phases:
        begin_s = phase.begin_s - phases[0].begin_s
        if phase is not phases[0]:
            axes.axvline(begin_s / 60, color=PALE, linewidth=1)
        if phase.limits.strict:
            axes.axvspan(begin_s / 60, (begin_s + WARM_UP_S) / 60, color=RULE, alpha=0.4)


def _say_verdicts(memory: Axes, latency: Axes, phase: Phase, begin_s: float) -> None:
    """Write what was made of a phase into the panels that it is about, and its size above."""
    limits = phase.limits
    growth = f'{limits.growth_mb:+.1f} MB in half of the time'
    p99 = f'{limits.p99_first_ms:.0f} -> {limits.p99_last_ms:.0f} ms'
    if limits.strict:
        growth = (
            f'{limits.growth_mb_per_10_min:+.2f} MB in 10 min (at most {GROWTH_MB_PER_10_MIN:+g})'
        )
        p99 += f' (at most {LATENCY_RATIO * limits.p99_first_ms:.0f})'
    left, right = ((s - begin_s) / 60 for s in (phase.begin_s, phase.censuses[-1].at_s))
    width, height = phase.size
    above = memory.get_xaxis_transform()
    middle = (left + right) / 2
    memory.text(middle, 0.04, f'{width}x{height}', ha='center', color=INK, transform=above)
    for axes, text in ((memory, growth), (latency, p99)):
        place = axes.get_xaxis_transform()
        axes.text(right, 1.02, f'{text} ', ha='right', color=INK, transform=place)


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
