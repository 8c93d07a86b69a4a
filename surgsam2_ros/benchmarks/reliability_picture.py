# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Predicted beside true IoU on the boards of a network, as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from surgsam2_ros.benchmarks.figures import BLUE, PALE, blank, styled, write_picture

_BARS = '#a6ceec'
_PANEL = 320  # width [px]


@styled
def draw_reliability(report: Mapping[str, Any]) -> Figure:
    """Draw a panel per board: mean true IoU by predicted IoU, and how frequent each is.

    Args:
        report: what `surgsam2 evaluate --board --json` writes.
    """
    panels = [(b['board'], b['promise']['mask']) for b in report['boards']]
    if len(panels) > 1:
        panels.append(('all boards', report['all_boards']))
    figure = blank(max(_PANEL * len(panels), 420), 460)
    title = f'{report["model"]["name"]}, objects followed from masks'
    figure.suptitle(title, x=0.02, ha='left', fontsize=9.5, color=PALE)
    for axes, (name, judged) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        _draw_panel(axes, name, judged)
    return figure


def write_reliability(path: Path, report: Mapping[str, Any]) -> None:
    """Write the picture as PNG.

    Raises:
        OSError: when it cannot be written.
    """
    write_picture(path, draw_reliability(report))


def _draw_panel(axes: Axes, name: str, judged: Mapping[str, Any]) -> None:
    reliability = judged['reliability']
    bins = reliability['bins']
    shares = [0.0, 0.25, 0.5, 0.75, 1.0]
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=shares, yticks=shares, aspect='equal')
    axes.set_title(f'{name}: true IoU')
    axes.set_xlabel('\n'.join(_words(reliability, judged['choice'])), loc='left')
    axes.grid(axis='y')
    most = max((entry['frames'] for entry in bins), default=1)
    axes.bar(
        [entry['low'] for entry in bins],
        [0.3 * entry['frames'] / most for entry in bins],
        [0.98 * (entry['high'] - entry['low']) for entry in bins],
        align='edge',
        color=_BARS,
    )
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=1)
    axes.plot([e['predicted'] for e in bins], [e['true'] for e in bins], 'o-', color=BLUE)


def _words(reliability: Mapping[str, Any], choice: Mapping[str, Any] | None) -> list[str]:
    error, correlation = reliability['calibration_error'], reliability['correlation']
    return [
        'predicted IoU; bars: how frequent',
        f'{reliability["frames"]} object-frames, error {_number(error)}',
        f'correlation {_number(correlation)}',
        'min_quality: ' + ('none' if choice is None else f'{choice["min_quality"]:.2f}'),
    ]


def _number(value: float | None) -> str:
    return '-' if value is None else f'{value:.3f}'
