# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Rows of the benchmark as a picture: time of a frame, and what part of it each stage takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from surgsam2_ros.benchmarks.tables import counted

Colour = tuple[int, int, int]

_SCALE = 2  # drawn so many times larger, then made smaller: smooth lines and letters
_FONT, _LETTERS = cv2.FONT_HERSHEY_SIMPLEX, 0.44 * _SCALE
_WIDTH, _BAR, _GAP, _HEAD = 1000, 18, 8, 84
_NAMES, _TIMES, _SHARES, _END = 150, 160, 620, 980
_WHITE, _INK, _PALE, _RULE = (255, 255, 255), (40, 40, 40), (110, 110, 110), (225, 225, 225)
_OURS, _OTHER = (0, 114, 178), (170, 178, 186)
# Colours by Okabe and Ito (2008), told apart with any colour vision.
_STAGES: Mapping[str, Colour] = {
    'encoder': (86, 180, 233),
    'memory attention': (230, 159, 0),
    'decoder': (0, 158, 115),
    'memory encoder': (204, 121, 167),
    'all after the encoder': (240, 228, 66),
    'rest': (200, 200, 200),
}


@dataclass(frozen=True)
class Bar:
    """One tracker in one case.

    Attributes:
        case: what it tracked.
        name: of the tracker.
        wall_ms: time of a frame.
        stages: CPU milliseconds of each stage.
    """

    case: str
    name: str
    wall_ms: float
    stages: Mapping[str, float]


def bars_of(report: Mapping[str, Any]) -> list[Bar]:
    """Return the bars of a report in its order; ours once for every case."""
    bars, seen = [], set()
    for row in report['rows']:
        objects = counted(row['objects'], 'object')
        case = f'{row["model"]}, {row["size"]} px, {objects}'
        if case not in seen:
            seen.add(case)
            bars.append(Bar(case, 'ours', row['wall_ms'], row['stages_cpu_ms']))
        if row['against'] is not None:
            stages = row['stages_cpu_ms_against']
            bars.append(Bar(case, row['against'], row['wall_ms_against'], stages))
    return bars


def draw_chart(report: Mapping[str, Any]) -> np.ndarray:
    """Draw the rows of a report.

    Args:
        report: what `surgsam2 bench --json` writes, with at least one row.

    Returns:
        uint8 [height, 1000, 3] RGB.
    """
    bars = bars_of(report)
    cases = len({bar.case for bar in bars})
    height = _HEAD + len(bars) * (_BAR + _GAP) + cases * 34 + 12
    canvas = _Canvas(_WIDTH, height)
    hardware = report['hardware']
    where = hardware['gpu'] or hardware['processor']
    canvas.text(f'{where}, {counted(report["threads"], "thread")}', 20, 24, _PALE)
    canvas.text('time of a frame [ms]', _TIMES, 74, _INK, bold=True)
    canvas.text('CPU time by stage [%]', _SHARES, 74, _INK, bold=True)
    _legend(canvas)
    longest = max(bar.wall_ms for bar in bars)
    y, case = _HEAD, ''
    for bar in bars:
        if bar.case != case:
            case = bar.case
            canvas.rectangle(20, y + 4, _END, y + 5, _RULE)
            canvas.text(case, 20, y + 24, _INK, bold=True)
            y += 34
        _draw(canvas, bar, y, longest)
        y += _BAR + _GAP
    return canvas.picture()


def write_chart(path: Path, report: Mapping[str, Any]) -> None:
    """Write the picture of a report as PNG.

    Raises:
        OSError: when it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), draw_chart(report)[..., ::-1]):
        raise OSError(f'{path} cannot be written; make room there or name another file')


class _Canvas:
    """A white picture that is drawn on in its own pixels."""

    def __init__(self, width: int, height: int) -> None:
        self._size = width, height
        self._image = np.full((height * _SCALE, width * _SCALE, 3), 255, np.uint8)

    def rectangle(self, left: float, top: float, right: float, bottom: float, ink: Colour) -> None:
        first = round(left * _SCALE), round(top * _SCALE)
        last = round(right * _SCALE) - 1, round(bottom * _SCALE) - 1
        if last[0] >= first[0]:
            cv2.rectangle(self._image, first, last, ink, -1)

    def text(self, text: str, x: float, y: float, ink: Colour, **how: bool) -> None:
        """Write with the baseline at y; `right` ends at x, `centre` is around it, or `bold`."""
        thickness = _SCALE + (_SCALE // 2 if how.get('bold') else 0)
        x -= _text_width(text) * (1.0 if how.get('right') else 0.5 if how.get('centre') else 0.0)
        place = round(x * _SCALE), round(y * _SCALE)
        cv2.putText(self._image, text, place, _FONT, _LETTERS, ink, thickness, cv2.LINE_AA)

    def picture(self) -> np.ndarray:
        return cv2.resize(self._image, self._size, interpolation=cv2.INTER_AREA)


def _text_width(text: str) -> float:
    return cv2.getTextSize(text, _FONT, _LETTERS, _SCALE)[0][0] / _SCALE


def _legend(canvas: _Canvas) -> None:
    """Name the colours of the stages, up to the right end."""
    x = _END - sum(_text_width(stage) + 18 for stage in _STAGES) - 24 * (len(_STAGES) - 1)
    for stage, colour in _STAGES.items():
        canvas.rectangle(x, 38, x + 12, 50, colour)
        canvas.text(stage, x + 18, 49, _PALE)
        x += _text_width(stage) + 18 + 24


def _draw(canvas: _Canvas, bar: Bar, y: int, longest: float) -> None:
    baseline = y + _BAR - 5
    ours = bar.name == 'ours'
    canvas.text(bar.name, _NAMES, baseline, _INK, right=True, bold=ours)
    room = _SHARES - _TIMES - 80
    end = _TIMES + room * bar.wall_ms / longest
    canvas.rectangle(_TIMES, y, end, y + _BAR, _OURS if ours else _OTHER)
    digits = 1 if bar.wall_ms < 100 else 0
    canvas.text(f'{bar.wall_ms:.{digits}f}', end + 8, baseline, _INK)
    for stage, left, right in _shares(bar.stages):
        start, stop = (_SHARES + (_END - _SHARES) * part for part in (left, right))
        canvas.rectangle(start, y, stop, y + _BAR, _STAGES[stage])
        if right - left >= 0.08:
            canvas.text(
                f'{100 * (right - left):.0f}', (start + stop) / 2, baseline, _INK, centre=True
            )


def _shares(stages: Mapping[str, float]) -> Iterator[tuple[str, float, float]]:
    """Yield each stage with the parts of the whole at which it begins and ends."""
    whole = sum(max(spent, 0.0) for spent in stages.values()) or 1.0
    begin = 0.0
    for stage in _STAGES:
        end = begin + max(stages.get(stage, 0.0), 0.0) / whole
        yield stage, begin, end
        begin = end
