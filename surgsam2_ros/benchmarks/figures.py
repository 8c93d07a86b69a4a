# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Matplotlib as all charts use it: in pixels, white and quiet, without a display."""

from __future__ import annotations

from pathlib import Path

import numpy as np

INSTALL = 'pip install --no-deps -r requirements/charts.txt'


class MissingMatplotlibError(ImportError):
    """Charts need a package that the rest does not."""


try:
    import matplotlib
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
except ImportError as error:
    raise MissingMatplotlibError(f'charts need matplotlib; install it with: {INSTALL}') from error

INK, PALE, RULE = '#282828', '#6e6e6e', '#e1e1e1'
# Okabe and Ito (2008), told apart with any colour vision.
BLUE, SKY, GREEN, YELLOW = '#0072b2', '#56b4e9', '#009e73', '#f0e442'
ORANGE, VERMILION, PINK = '#e69f00', '#d55e00', '#cc79a7'
_DPI = 100

styled = matplotlib.rc_context(
    {
        'font.size': 9.5,
        'axes.titlesize': 9.5,
        'axes.titleweight': 'bold',
        'axes.titlelocation': 'left',
        'text.color': INK,
        'axes.titlecolor': INK,
        'axes.labelcolor': PALE,
        'axes.edgecolor': PALE,
        'axes.spines.top': False,
        'axes.spines.right': False,
        'axes.axisbelow': True,
        'xtick.color': PALE,
        'ytick.color': PALE,
        'xtick.labelcolor': PALE,
        'ytick.labelcolor': PALE,
        'grid.color': RULE,
        'legend.frameon': False,
        'legend.labelcolor': PALE,
        'legend.fontsize': 8.5,
        'legend.handlelength': 1.4,
        'lines.linewidth': 1.5,
    }
)
"""Decorates what draws."""


def blank(width: int, height: int) -> Figure:
    """Return a white picture of so many pixels, to be laid out so that nothing overlaps."""
    figure = Figure((width / _DPI, height / _DPI), dpi=_DPI, layout='constrained')
    FigureCanvasAgg(figure)
    return figure


def headline(figure: Figure, title: str, verdict: str, *, good: bool) -> None:
    """Say above a picture what it is of, and to the right what came of it, green when good."""
    figure.suptitle(title, x=0.01, ha='left', fontsize=9.5, weight='bold')
    figure.text(
        0.99,
        0.992,
        verdict,
        ha='right',
        va='top',
        weight='bold',
        color=GREEN if good else VERMILION,
    )


def bare(axes: Axes) -> None:
    """Take away the frame and the ticks of axes, whose labels stay."""
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def picture(figure: Figure) -> np.ndarray:
    """Return what was drawn, uint8 [height, width, 3] RGB."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def write_picture(path: Path, figure: Figure) -> None:
    """Write a picture as PNG; its folder is made where it is missing.

    Raises:
        OSError: when it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format='png')
