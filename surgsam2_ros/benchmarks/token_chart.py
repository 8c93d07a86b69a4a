# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Accuracy and cost by the number of tokens of each memory, as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from surgsam2_ros.benchmarks.figures import (
    BLUE,
    GREEN,
    ORANGE,
    PALE,
    VERMILION,
    blank,
    styled,
    write_picture,
)

_SPREAD = '#a6ceec'
_COSTS = {
    'attention_gflop': ('GFLOP of memory attention', ORANGE),
    'step_ratio': ('CPU time without encoder', GREEN),
    'frame_ratio': ('CPU time of a frame', BLUE),
}


@styled
def draw_curve(report: Mapping[str, Any]) -> Figure:
    """Draw J and costs of the rows against the number of tokens, 1000 x 420 pixels.

    Args:
        report: what `token_curve --json` writes, with at least two rows.
    """
    figure = blank(1000, 420)
    what = f'{report["model"]}, {report["clips"]} clips, {report["tracks"]} tracks'
    figure.suptitle(what, x=0.01, ha='left', fontsize=9.5, color=PALE)
    accuracy, costs = figure.subplots(1, 2)
    _draw_accuracy(accuracy, report)
    _draw_costs(costs, report)
    for axes in (accuracy, costs):
        axes.grid(axis='y')
        axes.set_xlabel('tokens of each memory')
        axes.set_xlim(0, 1.02 * report['all_tokens'])
        axes.set_xticks(np.arange(0, report['all_tokens'] + 1, report['all_tokens'] / 8))
        axes.axvline(report['chosen_tokens'], color=VERMILION)
        axes.text(report['chosen_tokens'], axes.get_ylim()[1], ' fast', va='top', color=VERMILION)
        axes.legend(loc='lower right')
    return figure


def write_curve(path: Path, report: Mapping[str, Any]) -> None:
    """Write the picture of a report as PNG.

    Raises:
        OSError: when it cannot be written.
    """
    write_picture(path, draw_curve(report))


def _draw_accuracy(axes: Axes, report: Mapping[str, Any]) -> None:
    """J with two standard errors: of the mean, and of its change from all tokens."""
    rows = report['rows']
    tokens, j = [row['tokens'] for row in rows], [row['j'] for row in rows]
    spread, change = ([row[key] for row in rows] for key in ('j_error', 'j_change_error'))
    axes.set_title('J')
    axes.axhline(j[-1], color=PALE)
    axes.errorbar(
        tokens,
        j,
        spread,
        color=_SPREAD,
        linestyle='none',
        elinewidth=5,
        label='standard error of the mean',
    )
    label = 'of the change from all tokens'
    axes.errorbar(tokens, j, change, color=BLUE, fmt='o-', capsize=4, label=label)
    reach = 1.15 * max(abs(row['j'] - j[-1]) + row['j_error'] for row in rows) or 0.01
    axes.set_ylim(j[-1] - reach, j[-1] + reach)


def _draw_costs(axes: Axes, report: Mapping[str, Any]) -> None:
    """Costs in parts of those of all tokens."""
    rows = report['rows']
    axes.set_title('in parts of all tokens')
    axes.axhline(1.0, color=PALE)
    for field, (label, colour) in _COSTS.items():
        parts = [row[field] / rows[-1][field] for row in rows]
        axes.plot([row['tokens'] for row in rows], parts, 'o-', color=colour, label=label)
    axes.set_ylim(0, 1.1)
