# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Predicted beside true IoU on the boards of a network, as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from surgsam2_ros.benchmarks.canvas import INK, PALE, RULE, Canvas, Colour, write_picture

_PANEL, _GAP, _LEFT, _TOP, _BOTTOM = 250, 70, 56, 84, 120
# Colours by Okabe and Ito (2008), told apart with any colour vision.
_LINE, _BARS = (0, 114, 178), (166, 206, 236)


def draw_reliability(report: Mapping[str, Any]) -> np.ndarray:
    """Draw a panel per board: mean true IoU by predicted IoU, and how frequent each is.

    Args:
        report: what `surgsam2 evaluate --board --json` writes.

    Returns:
        uint8 [H, W, 3] RGB.
    """
    panels = [(b['board'], b['promise']['mask']) for b in report['boards']]
    if len(panels) > 1:
        panels.append(('all boards', report['all_boards']))
    width = _LEFT + len(panels) * (_PANEL + _GAP) - _GAP + 24
    canvas = Canvas(max(width, 420), _TOP + _PANEL + _BOTTOM)
    canvas.text(f'{report["model"]["name"]}, objects followed from masks', 20, 24, PALE)
    for place, (name, judged) in enumerate(panels):
        _draw_panel(canvas, _LEFT + place * (_PANEL + _GAP), name, judged)
    return canvas.picture()


def write_reliability(path: Path, report: Mapping[str, Any]) -> None:
    """Write the picture as PNG.

    Raises:
        OSError: when it cannot be written.
    """
    write_picture(path, draw_reliability(report))


def _draw_panel(canvas: Canvas, left: float, name: str, judged: Mapping[str, Any]) -> None:
    reliability, choice = judged['reliability'], judged['choice']
    bottom, right = _TOP + _PANEL, left + _PANEL
    canvas.text(f'{name}: true IoU', left, _TOP - 14, INK, bold=True)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = left + share * _PANEL, bottom - share * _PANEL
        canvas.line([(left, y), (right, y)], RULE)
        canvas.text(f'{share:g}', left - 8, y + 4, PALE, 'right')
        canvas.text(f'{share:g}', x, bottom + 18, PALE, 'centre')
    most = max((entry['frames'] for entry in reliability['bins']), default=1)
    for entry in reliability['bins']:
        height = 0.3 * _PANEL * entry['frames'] / most
        first, last = (left + entry[edge] * _PANEL for edge in ('low', 'high'))
        canvas.rectangle(first + 1, bottom - height, last - 1, bottom, _BARS)
    canvas.line([(left, bottom), (right, _TOP)], PALE)
    points = [
        (left + entry['predicted'] * _PANEL, bottom - entry['true'] * _PANEL)
        for entry in reliability['bins']
    ]
    if points:
        canvas.line(points, _LINE, 2)
    for point in points:
        canvas.dot(point, _LINE)
    for line, text in enumerate(_words(reliability, choice)):
        canvas.text(text, left, bottom + 44 + 20 * line, _ink(line))


def _words(reliability: Mapping[str, Any], choice: Mapping[str, Any] | None) -> list[str]:
    error, correlation = reliability['calibration_error'], reliability['correlation']
    return [
        'predicted IoU; bars: how frequent',
        f'{reliability["frames"]} object-frames, error {_number(error)}',
        f'correlation {_number(correlation)}',
        'min_quality: ' + ('none' if choice is None else f'{choice["min_quality"]:.2f}'),
    ]


def _ink(line: int) -> Colour:
    return INK if line else PALE


def _number(value: float | None) -> str:
    return '-' if value is None else f'{value:.3f}'
