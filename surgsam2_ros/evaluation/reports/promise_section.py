# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the tracker's word is worth: broken promises, the reliability diagram, the threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from surgsam2_ros.evaluation.reports.formatting import fraction, percent, plural
from surgsam2_ros.evaluation.reports.markup import element

_SIZE, _LEFT, _TOP, _BELOW = 300, 44, 24, 36
_BARS = 0.3  # of the height, for how frequent a predicted IoU is


def judged_promises(summary: Mapping[str, Any], sides: Sequence[str]) -> dict[str, Any]:
    """Return what was judged of each side that has frames, see `promise.judge`.

    Args:
        summary: with 'promise' in every side.
        sides: 'tracker', 'node' or both.
    """
    judged = {side: summary[side].get('promise') for side in sides}
    return {side: entry for side, entry in judged.items() if entry and entry['frames']}


def threshold_sentence(judged: Mapping[str, Any]) -> str:
    """Name the shares as they are, and the least min_quality that breaks few enough promises."""
    most = f'{100 * judged["at_most_broken"]:g} %'
    said = (
        f'{_of(judged["broken"], judged["tracked"])} TRACKED frames are broken promises, and '
        f'{_of(judged["kept"], judged["good"])} good ones were kept. '
    )
    choice = judged['choice']
    if choice is None:
        return said + f'No tracking.min_quality up to 0.95 breaks only {most} of the promises.'
    return said + (
        f'With tracking.min_quality = {choice["min_quality"]:.2f}, the lowest for at most {most}, '
        f'{_of(choice["broken"], choice["tracked"])} would be broken, and '
        f'{_of(choice["kept"], choice["good"])} kept.'
    )


def reliability_chart(reliability: Mapping[str, Any]) -> Markup:
    """Draw the mean J by predicted IoU, and how frequent each is.

    Args:
        reliability: see `promise.reliability`.
    """
    right, bottom = _LEFT + _SIZE, _TOP + _SIZE
    title = 'J by predicted IoU'
    parts = [element('text', title, class_='strong', x=0, y=12)]
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = _place(value, value)
        parts.append(element('line', class_='grid', x1=_LEFT, x2=right, y1=y, y2=y))
        parts.append(element('text', f'{value:g}', x=_LEFT - 8, y=y + 4, text_anchor='end'))
        parts.append(element('text', f'{value:g}', x=x, y=bottom + 16, text_anchor='middle'))
    bins = reliability['bins']
    most = max((entry['frames'] for entry in bins), default=1)
    for entry in bins:
        height = _BARS * _SIZE * entry['frames'] / most
        first, last = _place(entry['low'], 0)[0], _place(entry['high'], 0)[0]
        bar = {'x': first + 1, 'y': bottom - height, 'width': last - first - 2, 'height': height}
        told = f'{entry["low"]:g} to {entry["high"]:g}: {plural(entry["frames"], "frame")}, '
        told += f'predicted {fraction(entry["predicted"])}, J {fraction(entry["true"])}'
        parts.append(element('rect', element('title', told), class_='bar', opacity=0.35, **bar))
    parts.append(element('line', class_='mark', x1=_LEFT, y1=bottom, x2=right, y2=_TOP))
    points = [_place(entry['predicted'], entry['true']) for entry in bins]
    line = ' '.join(f'{x:.1f},{y:.1f}' for x, y in points)
    parts.append(element('polyline', class_='late', points=line))
    dots = [element('circle', class_='dot', cx=x, cy=y, r=3.5) for x, y in points]
    parts.append(element('g', *dots, class_='o1'))
    words = f'{plural(reliability["frames"], "frame")}; correlation '
    words += f'{fraction(reliability["correlation"])}, calibration error '
    words += fraction(reliability['calibration_error'])
    parts.append(element('text', words, x=right, y=bottom + 32, text_anchor='end'))
    view = f'0 0 {right + 12} {bottom + _BELOW}'
    return element('svg', *parts, viewBox=view, role='img', aria_label=title)


def _of(part: int, whole: int) -> str:
    share = f' ({percent(part / whole)})' if whole else ''
    return f'{part:,} of {whole:,}{share}'


def _place(x: float, y: float) -> tuple[float, float]:
    """Coordinates of a point of the diagram."""
    return _LEFT + x * _SIZE, _TOP + (1 - y) * _SIZE
