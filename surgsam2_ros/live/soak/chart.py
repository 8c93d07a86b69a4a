# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A soak as a picture: memory, latency, and what has to stay the same, over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from surgsam2_ros.benchmarks.canvas import INK, PALE, RULE, Canvas, Colour, write_picture

if TYPE_CHECKING:
    from surgsam2_ros.live.soak.run import Phase

_WIDTH, _PANEL, _GAP, _HEAD, _FOOT = 1000, 150, 54, 60, 40
_LEFT, _RIGHT = 80, 980
# Colours by Okabe and Ito (2008), told apart with any colour vision.
_FIRST, _SECOND, _THIRD = (0, 114, 178), (230, 159, 0), (0, 158, 115)
_BIN_S = 10.0
_MOST_TICKS = 12

Line = tuple[str, Colour, list[tuple[float, float]]]


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
    panels = (
        ('memory [MB]', [_counted(phases, 'resident', _FIRST, lambda c: c.resident_mb)]),
        (f'latency, 99% of {_BIN_S:g} s [ms]', [_latency(phases)]),
        (
            'how many',
            [
                _counted(phases, 'descriptors', _FIRST, lambda c: c.descriptors),
                _counted(phases, 'threads', _SECOND, lambda c: c.threads),
                _counted(phases, 'endpoints', _THIRD, lambda c: c.endpoints),
            ],
        ),
    )
    canvas = Canvas(_WIDTH, _HEAD + len(panels) * (_PANEL + _GAP) + _FOOT)
    canvas.text(title, 20, 26, INK, bold=True)
    for number, (name, lines) in enumerate(panels):
        top = _HEAD + number * (_PANEL + _GAP) + 22
        _panel(canvas, name, lines, top, end_s)
    base = _HEAD + len(panels) * (_PANEL + _GAP) - _GAP + 22
    step_min = next((s for s in (0.25, 0.5, 1, 2, 5, 10, 30) if end_s / 60 / s <= _MOST_TICKS), 60)
    for tick in np.arange(0, end_s / 60 + 1e-6, step_min):
        canvas.text(f'{tick:g}', _x(60 * tick, end_s), base + 20, PALE, align='centre')
    canvas.text('minutes', (_LEFT + _RIGHT) / 2, base + 42, PALE, align='centre')
    for phase in phases[1:]:
        x = _x(phase.begin_s - begin_s, end_s)
        canvas.rectangle(x, _HEAD + 22, x + 1, base, PALE)
    return canvas.picture()


def write_soak(path: Path, phases: Sequence[Phase], title: str) -> None:
    """Write the picture of a run as PNG.

    Raises:
        OSError: when it cannot be written.
    """
    write_picture(path, draw_soak(phases, title))


def _counted(
    phases: Sequence[Phase], name: str, colour: Colour, value: Callable[[object], float]
) -> Line:
    begin_s = phases[0].begin_s
    points = [(c.at_s - begin_s, float(value(c))) for phase in phases for c in phase.censuses]
    return name, colour, points


def _latency(phases: Sequence[Phase]) -> Line:
    """Return the 99th percentile of the results of every few seconds."""
    bins: dict[int, list[float]] = {}
    for phase in phases:
        for at_s, latency_ms in phase.latencies:
            bins.setdefault(int((at_s - phases[0].begin_s) / _BIN_S), []).append(latency_ms)
    points = [
        ((number + 0.5) * _BIN_S, float(np.percentile(values, 99)))
        for number, values in sorted(bins.items())
    ]
    return '', _FIRST, points


def _panel(canvas: Canvas, name: str, lines: Sequence[Line], top: int, end_s: float) -> None:
    canvas.text(name, _LEFT, top - 8, INK)
    x = _RIGHT
    for label, colour, _points in reversed(lines):
        if len(lines) > 1:
            canvas.text(label, x, top - 8, colour, align='right')
            x -= 120
    most = max((value for _, _, points in lines for _, value in points), default=1.0) or 1.0
    canvas.rectangle(_LEFT, top, _RIGHT, top + 1, RULE)
    canvas.rectangle(_LEFT, top + _PANEL, _RIGHT, top + _PANEL + 1, PALE)
    canvas.text(f'{most:.0f}', _LEFT - 8, top + 6, PALE, align='right')
    canvas.text('0', _LEFT - 8, top + _PANEL + 4, PALE, align='right')
    for _label, colour, points in lines:
        places = [(_x(s, end_s), top + _PANEL * (1 - value / most)) for s, value in points]
        if len(places) > 1:
            canvas.line(places, colour, 1.5)


def _x(seconds: float, end_s: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * min(max(seconds / end_s, 0.0), 1.0)
