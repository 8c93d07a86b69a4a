# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A soak as a picture: memory, latency, and what has to stay the same, over time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from surgsam2_ros.benchmarks.canvas import INK, PALE, RULE, Canvas, Colour, write_picture
from surgsam2_ros.live.soak.verdict import GROWTH_MB_PER_10_MIN, LATENCY_RATIO, WARM_UP_S

if TYPE_CHECKING:
    from surgsam2_ros.live.soak.census import Census
    from surgsam2_ros.live.soak.run import Phase

_WIDTH, _PANEL, _GAP, _HEAD, _FOOT = 1000, 150, 54, 84, 40
_LEFT, _RIGHT = 80, 980
# Colours by Okabe and Ito (2008), told apart with any colour vision.
_FIRST, _SECOND, _THIRD, _BROKEN = (0, 114, 178), (230, 159, 0), (0, 158, 115), (213, 94, 0)
_WARMING = (244, 244, 244)
_BIN_S = 10.0
_MOST_TICKS = 12
_LEAST_SPAN_MB = 10.0  # of the axis of memory: less would make a drama of pages


class Line(NamedTuple):
    """A value over time: points are (seconds from the begin of the run, value)."""

    name: str
    colour: Colour
    points: list[tuple[float, float]]


class Panel(NamedTuple):
    """Lines that share an axis from `low` to `high`, and what was made of them in each phase."""

    name: str
    lines: Sequence[Line]
    low: float
    high: float
    verdicts: Sequence[str] = ()


def draw_soak(phases: Sequence[Phase], title: str) -> np.ndarray:
    """Draw a run.

    Args:
        phases: at least one.
        title: said above.

    Returns:
        uint8 [height, 1000, 3] RGB.
    """
    begin_s = phases[0].begin_s
    end_s = phases[-1].censuses[-1].at_s - begin_s
    panels = _memory(phases), _latency(phases), _counts(phases)
    canvas = Canvas(_WIDTH, _HEAD + len(panels) * (_PANEL + _GAP) + _FOOT)
    broken = sum(len(phase.limits.findings) for phase in phases)
    canvas.text(title, 20, 26, INK, bold=True)
    canvas.text(
        f'limits broken: {broken}' if broken else 'all limits kept',
        _RIGHT,
        26,
        _BROKEN if broken else _THIRD,
        align='right',
        bold=True,
    )
    if any(phase.limits.strict for phase in phases):
        canvas.rectangle(20, 42, 32, 54, RULE)
        canvas.text(f'the first {WARM_UP_S / 60:g} minutes of a size are not judged', 38, 53, PALE)
    base = _HEAD + len(panels) * (_PANEL + _GAP) - _GAP + 22
    for phase in phases:
        _phase(canvas, phase, begin_s, end_s, base)
    for number, panel in enumerate(panels):
        _draw(canvas, panel, phases, _HEAD + number * (_PANEL + _GAP) + 22, end_s)
    step_min = next((s for s in (0.25, 0.5, 1, 2, 5, 10, 30) if end_s / 60 / s <= _MOST_TICKS), 60)
    for tick in np.arange(0, end_s / 60 + 1e-6, step_min):
        canvas.text(f'{tick:g}', _x(60 * tick, end_s), base + 20, PALE, align='centre')
    canvas.text('minutes', (_LEFT + _RIGHT) / 2, base + 42, PALE, align='centre')
    return canvas.picture()


def write_soak(path: Path, phases: Sequence[Phase], title: str) -> None:
    """Write the picture of a run as PNG.

    Raises:
        OSError: when it cannot be written.
    """
    write_picture(path, draw_soak(phases, title))


def _memory(phases: Sequence[Phase]) -> Panel:
    """Return resident memory; the axis begins below the smallest value after the warm-up."""
    line = _counted(phases, '', _FIRST, lambda census: census.resident_mb)
    settled = [
        c.resident_mb
        for phase in phases
        for c in phase.censuses
        if not phase.limits.strict or c.at_s >= phase.begin_s + WARM_UP_S
    ]
    low = math.floor(min(settled) / 10 - 1) * 10
    high = max(math.ceil(max(settled) / 10) * 10, low + _LEAST_SPAN_MB)
    verdicts = [
        f'{limits.growth_mb_per_10_min:+.2f} MB in 10 min (at most {GROWTH_MB_PER_10_MIN:+g})'
        if limits.strict
        else f'{limits.growth_mb:+.1f} MB in half of the time'
        for limits in (phase.limits for phase in phases)
    ]
    return Panel('resident memory [MB]', [line], low, high, verdicts)


def _latency(phases: Sequence[Phase]) -> Panel:
    """Return the 99th percentile of the results of every few seconds."""
    bins: dict[int, list[float]] = {}
    for phase in phases:
        for at_s, latency_ms in phase.latencies:
            bins.setdefault(int((at_s - phases[0].begin_s) / _BIN_S), []).append(latency_ms)
    points = [
        ((number + 0.5) * _BIN_S, float(np.percentile(values, 99)))
        for number, values in sorted(bins.items())
    ]
    verdicts = [
        f'{limits.p99_first_ms:.0f} -> {limits.p99_last_ms:.0f} ms'
        + (f' (at most {LATENCY_RATIO * limits.p99_first_ms:.0f})' if limits.strict else '')
        for limits in (phase.limits for phase in phases)
    ]
    high = max((value for _, value in points), default=1.0)
    name = f'latency, 99% of {_BIN_S:g} s [ms]'
    return Panel(name, [Line('', _FIRST, points)], 0.0, high, verdicts)


def _counts(phases: Sequence[Phase]) -> Panel:
    lines = [
        _counted(phases, 'descriptors', _FIRST, lambda census: census.descriptors),
        _counted(phases, 'threads', _SECOND, lambda census: census.threads),
        _counted(phases, 'endpoints', _THIRD, lambda census: census.endpoints),
    ]
    high = 1.1 * max(value for line in lines for _, value in line.points)
    return Panel('how many', lines, 0.0, max(high, 1.0))


def _counted(
    phases: Sequence[Phase], name: str, colour: Colour, value: Callable[[Census], float]
) -> Line:
    begin_s = phases[0].begin_s
    points = [(c.at_s - begin_s, float(value(c))) for phase in phases for c in phase.censuses]
    return Line(name, colour, points)


def _phase(canvas: Canvas, phase: Phase, begin_s: float, end_s: float, base: int) -> None:
    """Shade the warm-up of a phase and say which it is."""
    left = _x(phase.begin_s - begin_s, end_s)
    right = _x(phase.censuses[-1].at_s - begin_s, end_s)
    if phase.limits.strict:
        warm = _x(phase.begin_s - begin_s + WARM_UP_S, end_s)
        canvas.rectangle(left, _HEAD + 22, warm, base, _WARMING)
    if phase.begin_s > begin_s:
        canvas.rectangle(left, _HEAD - 20, left + 1, base, PALE)
    width, height = phase.size
    canvas.text(f'{width}x{height}', (left + right) / 2, _HEAD - 8, INK, align='centre')


def _draw(canvas: Canvas, panel: Panel, phases: Sequence[Phase], top: int, end_s: float) -> None:
    canvas.text(panel.name, _LEFT, top - 8, INK)
    x = _RIGHT
    for line in reversed(panel.lines) if len(panel.lines) > 1 else ():
        canvas.text(line.name, x, top - 8, line.colour, align='right')
        x -= 120
    canvas.rectangle(_LEFT, top, _RIGHT, top + 1, RULE)
    canvas.rectangle(_LEFT, top + _PANEL, _RIGHT, top + _PANEL + 1, PALE)
    canvas.text(f'{panel.high:.0f}', _LEFT - 8, top + 6, PALE, align='right')
    canvas.text(f'{panel.low:.0f}', _LEFT - 8, top + _PANEL + 4, PALE, align='right')
    span = panel.high - panel.low
    for line in panel.lines:
        places = [
            (_x(s, end_s), top + _PANEL * (1 - min(max((v - panel.low) / span, 0.0), 1.0)))
            for s, v in line.points
        ]
        if len(places) > 1:
            canvas.line(places, line.colour, 1.5)
    for phase, verdict in zip(phases, panel.verdicts, strict=False):
        right = _x(phase.censuses[-1].at_s - phases[0].begin_s, end_s)
        canvas.text(verdict, right - 6, top - 8, INK, align='right')


def _x(seconds: float, end_s: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * min(max(seconds / end_s, 0.0), 1.0)
