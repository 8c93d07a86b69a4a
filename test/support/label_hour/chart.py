# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A run as a picture: memory, files and threads, and the work folder, over time with the kills."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from label_hour.samples import Life, Sample
from label_hour.verdict import MOST_OWN_MB, SETTLING_S
from surgsam2_ros.benchmarks.figures import (
    BLUE,
    ORANGE,
    PALE,
    RULE,
    VERMILION,
    blank,
    headline,
    styled,
    write_picture,
)


@styled
def draw_chart(lives: Sequence[Life], findings: Sequence[str], title: str) -> Figure:
    """Draw a run, 1000 pixels wide.

    Args:
        lives: of the console, in order.
        findings: what was lost or broken.
        title: said above.
    """
    figure = blank(1000, 820)
    verdict = f'{len(findings)} findings' if findings else 'nothing lost, all limits kept'
    headline(figure, title, verdict, good=not findings)
    memory, counts, folder = figure.subplots(3, 1, sharex=True)
    _plot(memory, lives, {'its own': lambda s: s.own_mb, 'resident': lambda s: s.resident_mb})
    memory.set_title('memory of the console [MB]')
    memory.axhline(MOST_OWN_MB, color=VERMILION, linewidth=0.8, linestyle='--')
    _plot(
        counts, lives, {'file descriptors': lambda s: s.descriptors, 'threads': lambda s: s.threads}
    )
    counts.set_title('how many')
    _plot(
        folder,
        lives,
        {'journal and masks': lambda s: s.labels_mb, 'data set': lambda s: s.exported_mb},
    )
    folder.set_title('work folder [MB]')
    folder.set_xlabel(
        f'minutes; lines: SIGKILL; grey: the first {SETTLING_S / 60:g} of a life, in which growth '
        'is not judged'
    )
    ended_s = max(life.ended_s for life in lives)
    folder.set_xlim(0, ended_s / 60)
    return figure


def write_chart(path: Path, lives: Sequence[Life], findings: Sequence[str], title: str) -> None:
    """Write the picture of a run as PNG.

    Raises:
        OSError: when it cannot be written.
    """
    write_picture(path, draw_chart(lives, findings, title))


def _plot(axes: Axes, lives: Sequence[Life], lines: dict[str, Callable[[Sample], float]]) -> None:
    axes.grid(axis='y')
    for (name, value), colour in zip(lines.items(), (BLUE, ORANGE), strict=True):
        at, values = [], []
        for life in lives:
            at += [one.at_s / 60 for one in life.samples] + [np.nan]
            values += [value(one) for one in life.samples] + [np.nan]
        axes.plot(at, values, color=colour, label=name)
    for life in lives:
        axes.axvline(life.ended_s / 60, color=PALE, linewidth=0.8)
        if life.samples:
            begin_s = life.samples[0].at_s - life.samples[0].age_s
            end_s = min(begin_s + SETTLING_S, life.ended_s)
            axes.axvspan(begin_s / 60, end_s / 60, color=RULE, alpha=0.4, linewidth=0)
    axes.set_ylim(bottom=0)
    axes.legend(loc='lower right', ncols=2)
