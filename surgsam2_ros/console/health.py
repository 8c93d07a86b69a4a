# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How a node is doing, as the page shows it: words, figures, a curve and the parameters."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from surgsam2_ros.console.desk import DeskError
from surgsam2_ros.nodes.client.node_watch import NodeReport
from surgsam2_ros.nodes.client.results import NodeState

if TYPE_CHECKING:
    from surgsam2_ros.nodes.tracker.parameters import ParameterSpec

WINDOW_S = 60.0
_WARN = 1
_TRANSITIONS = {
    NodeState.UNCONFIGURED: ('configure', 'shutdown'),
    NodeState.INACTIVE: ('activate', 'cleanup', 'shutdown'),
    NodeState.ACTIVE: ('deactivate',),  # a shutdown is final: not by one slip beside a patient
}


@dataclass(frozen=True)
class Health:
    """What is shown of a node.

    Attributes:
        state: its lifecycle state in a word or two.
        transitions: those that it can make now, as `AskedNode.change_state` takes them.
        is_enabled: False while paused.
        can_pause: whether pausing means anything now.
        words: its diagnostics, or what is wrong with it.
        is_problem: whether the words need attention.
        figures: what is counted, by name.
    """

    state: str
    transitions: tuple[str, ...]
    is_enabled: bool
    can_pause: bool
    words: str
    is_problem: bool
    figures: dict[str, str]


def health(report: NodeReport) -> Health:
    """Return what is shown of a node."""
    if not report.is_there:
        words = 'not there: it was not started, has ended, or its machine cannot be reached'
        return Health('gone', (), True, False, words, True, {})
    figures = {
        'rate': f'{report.rate_hz:.1f} Hz',
        'latency': _latency(report),
        'dropped': _share(report.frames_dropped, report.frames_received),
        'instruments': str(report.num_objects),
        'network': f'{report.model} on {report.device}' if report.model else 'not loaded',
    }
    return Health(
        state=report.lifecycle.name.lower().replace('_', ' '),
        transitions=_TRANSITIONS.get(report.lifecycle, ()),
        is_enabled=report.enabled,
        can_pause=report.lifecycle is NodeState.ACTIVE,
        words=report.diagnosis or report.message,
        is_problem=report.level >= _WARN,
        figures=figures,
    )


def percentiles(report: NodeReport) -> tuple[float, float] | None:
    """Return the median and the 95th percentile of latency [ms]; None without results."""
    if not (report.is_there and report.rate_hz > 0):
        return None
    try:
        return tuple(float(report.values[f'latency_ms_{key}']) for key in ('p50', 'p95'))
    except (KeyError, ValueError):
        return None


def _latency(report: NodeReport) -> str:
    both = percentiles(report)
    if both is None:
        return f'{report.latency_ms:.0f} ms' if report.rate_hz > 0 else 'no results'
    return f'{both[0]:.0f} ms (95%: {both[1]:.0f} ms)'


def _share(part: int, whole: int) -> str:
    return f'{part} of {whole}' + (f' ({100 * part / whole:.0f} %)' if whole else '')


class LatencyCurve:
    """Latency of the last minute as a moving drawing."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, float, float]] = deque()

    def add(self, now_s: float, p50_ms: float, p95_ms: float) -> None:
        """Add a moment; what is older than the window is forgotten."""
        self._points.append((now_s, p50_ms, p95_ms))
        while self._points[0][0] < now_s - WINDOW_S:
            self._points.popleft()

    @property
    def top_ms(self) -> float:
        """What the upper edge of the drawing stands for: 100, 200, 400 ms and so on."""
        top, most = 100.0, max((p95 for _, _, p95 in self._points), default=0.0)
        while top < most:
            top *= 2
        return top

    def svg(self, now_s: float, width: int = 240, height: int = 48) -> str:
        """Return the drawing: the median as a line, the 95th percentile as a dashed one."""

        def line(column: int) -> str:
            points = (
                f'{width * (1 + (point[0] - now_s) / WINDOW_S):.1f},'
                f'{height * (1 - min(max(point[column] / self.top_ms, 0.0), 1.0)):.1f}'
                for point in self._points
            )
            return ' '.join(points)

        style = 'fill="none" stroke="currentColor" stroke-width="1.5"'
        return (
            f'<svg viewBox="0 0 {width} {height}" width="100%" height="{height}" role="img" '
            f'aria-label="latency of the last {WINDOW_S:.0f} seconds, 0 to {self.top_ms:.0f} ms">'
            f'<polyline {style} points="{line(1)}"/>'
            f'<polyline {style} stroke-dasharray="3 3" opacity="0.6" points="{line(2)}"/></svg>'
        )


def parameter_value(spec: ParameterSpec, entered: Any) -> Any:
    """Return what was entered as a value of a parameter.

    Raises:
        DeskError: it is none; says what is allowed.
    """
    value = entered
    try:
        if spec.type == 'double':
            value = float(entered)
        elif spec.type == 'int' and float(entered) == int(entered):
            value = int(entered)
        elif spec.type == 'string_array':
            value = list(entered if isinstance(entered, Sequence) else ())
    except (TypeError, ValueError):
        pass  # the schema says what is wrong with it
    if fault := spec.fault(value):
        raise DeskError(fault)
    return value
