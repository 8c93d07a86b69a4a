# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A run as a picture: a line for each fault, a bar for each time it struck, results below."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from surgsam2_ros.benchmarks.canvas import INK, PALE, RULE, Canvas, text_width, write_picture

if TYPE_CHECKING:
    from surgsam2_ros.live.chaos.run import Outcome

_WIDTH, _LINE, _HEAD, _FOOT = 1200, 22, 76, 150
_NAMES, _LEFT, _RIGHT = 232, 244, 1180
_GRAPH = 90
# Colours by Okabe and Ito (2008), told apart with any colour vision.
_STRIKE, _CHECK, _FAILED, _KNOWN = (230, 159, 0), (0, 158, 115), (213, 94, 0), (204, 121, 167)
_RATE = (0, 114, 178)
_LEGEND = (
    ('fault', _STRIKE),
    ('recovery and checks, passed', _CHECK),
    ('failed', _FAILED),
    ('known limit', _KNOWN),
)
_STEPS_S = (5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_MOST_TICKS = 12
_MOST_LETTERS = 60


def draw_timeline(
    outcomes: Sequence[Outcome], results_s: Sequence[float], title: str
) -> np.ndarray:
    """Draw a run.

    Args:
        outcomes: at least one.
        results_s: when results came, counted from the begin of the run [s].
        title: said above.

    Returns:
        uint8 [height, 1200, 3] RGB.
    """
    names = list(dict.fromkeys(outcome.fault for outcome in outcomes))
    end_s = max(outcomes[-1].ended_s, 1.0)
    canvas = Canvas(_WIDTH, _HEAD + _LINE * len(names) + _FOOT)
    canvas.text(title, 20, 26, INK, bold=True)
    _legend(canvas)
    bottom = _HEAD + _LINE * len(names)
    _grid(canvas, end_s, bottom)
    for number, name in enumerate(names):
        y = _HEAD + _LINE * number
        struck = [outcome for outcome in outcomes if outcome.fault == name]
        failed = [outcome for outcome in struck if outcome.failed]
        canvas.text(name, _NAMES, y + 15, _FAILED if failed else INK, align='right')
        for outcome in struck:
            _bar(canvas, outcome, y, end_s)
        for outcome in failed[:1]:
            _say_why(canvas, outcome, y, end_s)
    _rate(canvas, results_s, bottom, end_s)
    return canvas.picture()


def write_timeline(
    path: Path, outcomes: Sequence[Outcome], results_s: Sequence[float], title: str
) -> None:
    """Write the picture of a run as PNG.

    Raises:
        OSError: when it cannot be written.
    """
    write_picture(path, draw_timeline(outcomes, results_s, title))


def _x(seconds: float, end_s: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * min(max(seconds / end_s, 0.0), 1.0)


def _legend(canvas: Canvas) -> None:
    x = 20.0
    for word, colour in _LEGEND:
        canvas.rectangle(x, 42, x + 12, 54, colour)
        canvas.text(word, x + 18, 53, PALE)
        x += 18 + text_width(word) + 24


def _grid(canvas: Canvas, end_s: float, bottom: int) -> None:
    """Draw upright lines at round times, with the times below all."""
    step_s = next((step for step in _STEPS_S if end_s / step <= _MOST_TICKS), _STEPS_S[-1])
    for seconds in range(0, int(end_s) + 1, step_s):
        x = _x(seconds, end_s)
        canvas.rectangle(x, _HEAD, x + 1, bottom + 24 + _GRAPH, RULE)
        canvas.text(
            f'{seconds // 60}:{seconds % 60:02d}', x, bottom + 24 + _GRAPH + 18, PALE, 'centre'
        )


def _bar(canvas: Canvas, outcome: Outcome, y: int, end_s: float) -> None:
    if outcome.skipped:
        canvas.text('skipped', _x(outcome.began_s, end_s) + 4, y + 15, PALE)
        return
    passed = _KNOWN if outcome.known else _FAILED if outcome.findings else _CHECK
    begin, struck = _x(outcome.began_s, end_s), _x(outcome.struck_s, end_s)
    canvas.rectangle(begin, y + 4, max(struck, begin + 2), y + 18, _STRIKE)
    canvas.rectangle(
        max(struck, begin + 2), y + 4, max(_x(outcome.ended_s, end_s), begin + 4), y + 18, passed
    )


def _say_why(canvas: Canvas, outcome: Outcome, y: int, end_s: float) -> None:
    """Write what failed first beside its bar, where there is more room."""
    text = f'{outcome.index}: {outcome.findings[0]}'
    text = text if len(text) <= _MOST_LETTERS else f'{text[: _MOST_LETTERS - 3]}...'
    begin, end = _x(outcome.began_s, end_s), _x(outcome.ended_s, end_s)
    if _RIGHT - end > begin - _LEFT:
        canvas.text(text, end + 8, y + 15, _FAILED)
    else:
        canvas.text(text, begin - 8, y + 15, _FAILED, align='right')


def _rate(canvas: Canvas, results_s: Sequence[float], top: int, end_s: float) -> None:
    """Draw how many results came in each second."""
    base = top + 24 + _GRAPH
    counts, _ = np.histogram(results_s, bins=np.arange(0, int(end_s) + 2))
    most = max(int(counts.max(initial=0)), 1)
    canvas.text('results per second', _NAMES, top + 38, INK, align='right')
    canvas.text(str(most), _LEFT - 6, top + 56, PALE, align='right')
    canvas.text('0', _LEFT - 6, base, PALE, align='right')
    canvas.rectangle(_LEFT, base, _RIGHT, base + 1, PALE)
    for second, count in enumerate(counts):
        height = (_GRAPH - 28) * count / most
        canvas.rectangle(_x(second, end_s), base - height, _x(second + 1, end_s), base, _RATE)
