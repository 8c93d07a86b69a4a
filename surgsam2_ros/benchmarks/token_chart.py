# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Accuracy and cost by the number of tokens of each memory: a table and a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from surgsam2_ros.benchmarks.canvas import INK, PALE, RULE, Canvas, Colour, write_picture

_WIDTH, _HEIGHT, _TOP, _BOTTOM = 1000, 420, 84, 360
# Colours by Okabe and Ito (2008), told apart with any colour vision.
_OURS, _SPREAD, _CHOSEN = (0, 114, 178), (166, 206, 236), (213, 94, 0)
_COSTS: Mapping[str, tuple[str, Colour]] = {
    'attention_gflop': ('GFLOP of memory attention', (230, 159, 0)),
    'step_ratio': ('CPU time without encoder', (0, 158, 115)),
    'frame_ratio': ('CPU time of a frame', (0, 114, 178)),
}
_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)


def markdown_table(report: Mapping[str, Any]) -> str:
    """Return a table in Markdown, the chosen number of tokens bold, and the whole fast profile.

    Args:
        report: what `token_curve --json` writes.
    """
    lines = [
        '| tokens | J | J less that of all | GFLOP of a frame | of memory attention | '
        'CPU ms without encoder | in parts of all | with encoder |',
        '|---|---|---|---|---|---|---|---|',
    ]
    for row in report['rows']:
        whole = row['tokens'] == report['all_tokens']
        cells = [
            f'{row["tokens"]} (all)' if whole else str(row['tokens']),
            f'{row["j"]:.4f} ± {row["j_error"]:.4f}',
            '–' if whole else f'{row["j_change"]:+.4f} ± {row["j_change_error"]:.4f}',
            f'{row["gflop"]:.2f}',
            f'{row["attention_gflop"]:.2f}',
            f'{row["step_ms"]:.1f}',
            f'{row["step_ratio"]:.2f}',
            f'{row["frame_ratio"]:.2f}',
        ]
        if row['tokens'] == report['chosen_tokens']:
            cells = [f'**{cell}**' for cell in cells]
        lines.append('| ' + ' | '.join(cells) + ' |')
    fast = report['fast']
    lines += [
        '',
        f'Profile `fast` here ({report["chosen_tokens"]} tokens, encoder: {fast["encoder"]}): '
        f'J {fast["j"]:.4f} ± {fast["j_error"]:.4f}, '
        f'{fast["j_change"]:+.4f} ± {fast["j_change_error"]:.4f} beside `exact`.',
    ]
    return '\n'.join(lines)


def draw_curve(report: Mapping[str, Any]) -> np.ndarray:
    """Draw J and costs of the rows against the number of tokens.

    Args:
        report: what `token_curve --json` writes, with at least two rows.

    Returns:
        uint8 [420, 1000, 3] RGB.
    """
    canvas = Canvas(_WIDTH, _HEIGHT)
    rows = report['rows']
    what = f'{report["model"]}, {report["clips"]} clips, {report["tracks"]} tracks'
    canvas.text(what, 20, 24, PALE)
    canvas.text('tokens of each memory', 255, 404, PALE, 'centre')
    canvas.text('tokens of each memory', 755, 404, PALE, 'centre')
    _draw_accuracy(canvas, report, rows)
    _draw_costs(canvas, report, rows)
    return canvas.picture()


def write_curve(path: Path, report: Mapping[str, Any]) -> None:
    """Write the picture of a report as PNG.

    Raises:
        OSError: when it cannot be written.
    """
    write_picture(path, draw_curve(report))


@dataclass(frozen=True)
class _Axes:
    """Where values lie in the picture.

    Attributes:
        left, right: where 0 and `most` tokens are.
        most: tokens.
        low, high: values at the lower and upper rim.
    """

    left: float
    right: float
    most: int
    low: float
    high: float

    def x(self, tokens: float) -> float:
        return self.left + (self.right - self.left) * tokens / self.most

    def y(self, value: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * (value - self.low) / (self.high - self.low)


def _draw_accuracy(
    canvas: Canvas, report: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> None:
    """J with two standard errors: of the mean, and of its change from all tokens."""
    reach = max(abs(row['j'] - rows[-1]['j']) + row['j_error'] for row in rows) or 0.01
    base = rows[-1]['j']
    axes = _Axes(70, 460, report['all_tokens'], base - 1.15 * reach, base + 1.15 * reach)
    canvas.text('J', 70, 50, INK, bold=True)
    _legend(canvas, 96, 49, 'standard error of the mean', _SPREAD)
    _legend(canvas, 96, 69, 'of the change from all tokens', _OURS)
    step = next((s for s in _STEPS if 2.3 * reach / s <= 8), _STEPS[-1])
    digits = 3 if step < 0.01 else 2
    _frame(canvas, axes, rows, step, lambda value: f'{value:.{digits}f}')
    _mark(canvas, axes, report, base)
    for row in rows:
        x, y, error = axes.x(row['tokens']), row['j'], row['j_error']
        canvas.line([(x, axes.y(y - error)), (x, axes.y(y + error))], _SPREAD, 5)
    canvas.line([(axes.x(row['tokens']), axes.y(row['j'])) for row in rows], _OURS, 1.5)
    for row in rows:
        x, y, error = axes.x(row['tokens']), row['j'], row['j_change_error']
        for end in (y - error, y + error):
            canvas.line([(x - 4, axes.y(end)), (x + 4, axes.y(end))], _OURS, 1.5)
        canvas.line([(x, axes.y(y - error)), (x, axes.y(y + error))], _OURS, 1.5)
        canvas.dot((x, axes.y(y)), _OURS)


def _draw_costs(
    canvas: Canvas, report: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Costs in parts of those of all tokens."""
    axes = _Axes(560, 950, report['all_tokens'], 0.0, 1.1)
    canvas.text('in parts of all tokens', 560, 30, INK, bold=True)
    places = ((560, 49), (560, 69), (770, 69))
    for (title, ink), (x, y) in zip(_COSTS.values(), places, strict=True):
        _legend(canvas, x, y, title, ink)
    _frame(canvas, axes, rows, 0.2, lambda value: f'{value:.1f}')
    _mark(canvas, axes, report, 1.0)
    for field, (_, ink) in _COSTS.items():
        points = [(axes.x(r['tokens']), axes.y(r[field] / rows[-1][field])) for r in rows]
        canvas.line(points, ink, 1.5)
        for point in points:
            canvas.dot(point, ink)


def _legend(canvas: Canvas, x: float, y: float, title: str, ink: Colour) -> None:
    canvas.line([(x, y - 4), (x + 14, y - 4)], ink, 4)
    canvas.text(title, x + 20, y, PALE)


def _frame(
    canvas: Canvas,
    axes: _Axes,
    rows: Sequence[Mapping[str, Any]],
    step: float,
    write: Callable[[float], str],
) -> None:
    """Rules at the multiples of a step, and the numbers of tokens below, where there is room."""
    for number in range(int(np.ceil(axes.low / step - 1e-9)), int(axes.high / step + 1e-9) + 1):
        y = axes.y(number * step)
        canvas.line([(axes.left, y), (axes.right, y)], RULE)
        canvas.text(write(number * step), axes.left - 8, y + 5, PALE, 'right')
    canvas.line([(axes.left, _BOTTOM), (axes.right, _BOTTOM)], PALE)
    last = axes.right + 100
    for row in reversed(rows):
        x = axes.x(row['tokens'])
        canvas.line([(x, _BOTTOM), (x, _BOTTOM + 4)], PALE)
        if last - x >= 34:
            canvas.text(str(row['tokens']), x, _BOTTOM + 20, PALE, 'centre')
            last = x


def _mark(canvas: Canvas, axes: _Axes, report: Mapping[str, Any], base: float) -> None:
    """Draw the value of all tokens as a line, and the number of tokens that was chosen."""
    canvas.line([(axes.left, axes.y(base)), (axes.right, axes.y(base))], PALE, 1.5)
    x = axes.x(report['chosen_tokens'])
    canvas.line([(x, _TOP), (x, _BOTTOM)], _CHOSEN, 1.5)
    canvas.text('fast', x + 6, _BOTTOM - 8, _CHOSEN)
