# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Watches a node that may come, go and be started anew: what it said last, and whether it lives."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node

from surgsam2_msgs.msg import TrackerStatus
from surgsam2_ros.nodes.client.results import NodeState
from surgsam2_ros.nodes.messages import qos

SILENCE_S = 5.0
"""A node that says nothing for so long counts as gone; one that reports seldom has more time."""

_PERIOD_S = 0.5
_GAPS = 3.0  # missing reports that make a silence
_LONGEST_GAP_S = 60.0


@dataclass(frozen=True)
class NodeReport:
    """What is known of a node.

    Attributes:
        is_there: whether it lives, as far as can be told.
        process: DDS writers of its status; a new one when its process was started anew.
        lifecycle: state it is in.
        enabled: False while paused.
        message: one line of its status.
        input_topic: resolved name of its image topic, empty before it told.
        model, device: its network and where that runs; empty before they are loaded.
        num_objects: living objects.
        frames_received, frames_processed, frames_dropped: images since activation.
        rate_hz: results per second.
        latency_ms: median age of an image when its result is published.
        degraded: what it leaves out because it cannot keep up, a sentence each.
        level: of its diagnostics, 0 OK, 1 WARN, 2 ERROR, 3 STALE.
        diagnosis: its diagnostics in words.
        values: all values of its diagnostics, by key.
    """

    is_there: bool = False
    process: frozenset[bytes] = frozenset()
    lifecycle: NodeState = NodeState.UNKNOWN
    enabled: bool = True
    message: str = ''
    input_topic: str = ''
    model: str = ''
    device: str = ''
    num_objects: int = 0
    frames_received: int = 0
    frames_processed: int = 0
    frames_dropped: int = 0
    rate_hz: float = 0.0
    latency_ms: float = 0.0
    degraded: tuple[str, ...] = ()
    level: int = 0
    diagnosis: str = ''
    values: Mapping[str, str] = field(default_factory=dict)


class NodeWatch:
    """Follows `~/status`, `/diagnostics` and the graph for one node.

    Args:
        node: subscribes for as long as it lives; it has to be spun by someone.
        target: name of the watched node, with its namespace.
        on_change: told the report before and the one after, on the thread that spins `node`.
    """

    def __init__(
        self,
        node: Node,
        target: str,
        on_change: Callable[[NodeReport, NodeReport], None] = lambda before, after: None,
    ) -> None:
        self._node, self._target, self._on_change = node, target, on_change
        self._report = NodeReport()
        self._heard_s = float('-inf')
        self._patience_s = SILENCE_S
        self._changed = threading.Condition()
        node.create_subscription(TrackerStatus, f'{target}/status', self._take_status, qos.STATUS)
        node.create_subscription(
            DiagnosticArray, '/diagnostics', self._take_diagnostics, qos.DIAGNOSTICS
        )
        node.create_timer(_PERIOD_S, self._look)

    @property
    def report(self) -> NodeReport:
        """What is known now."""
        return self._report

    def wait(self, condition: Callable[[NodeReport], bool], timeout_s: float) -> bool:
        """Wait until the report fulfils a condition; False when it does not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: condition(self._report), timeout_s)

    def _take_status(self, status: TrackerStatus) -> None:
        now = time.monotonic()
        gap_s = min(now - self._heard_s, _LONGEST_GAP_S)
        if self._report.is_there:
            self._patience_s = max(SILENCE_S, _GAPS * gap_s)
        self._heard_s = now
        self._set(
            is_there=True,
            process=self._writers() or self._report.process,
            lifecycle=NodeState(status.lifecycle_state),
            enabled=status.enabled,
            message=status.message,
            input_topic=status.input_topic,
            model=status.model,
            device=status.device,
            num_objects=status.num_objects,
            frames_received=status.frames_received,
            frames_processed=status.frames_processed,
            frames_dropped=status.frames_dropped,
            rate_hz=status.rate_hz,
            latency_ms=status.latency_ms,
            degraded=tuple(status.degraded),
        )

    def _take_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.hardware_id == self._target:
                self._set(
                    level=int.from_bytes(status.level, 'little'),
                    diagnosis=status.message,
                    values={pair.key: pair.value for pair in status.values},
                )

    def _look(self) -> None:
        """Notice that the node has gone: it has left the graph, or says nothing any more."""
        if not self._report.is_there:
            return
        if time.monotonic() - self._heard_s > self._patience_s or not self._writers():
            self._set(is_there=False)

    def _writers(self) -> frozenset[bytes]:
        infos = self._node.get_publishers_info_by_topic(f'{self._target}/status')
        return frozenset(bytes(info.endpoint_gid) for info in infos)

    def _set(self, **values: object) -> None:
        before, after = self._report, replace(self._report, **values)
        with self._changed:
            self._report = after
            self._changed.notify_all()
        self._on_change(before, after)
