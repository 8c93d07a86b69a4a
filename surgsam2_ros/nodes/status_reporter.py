# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tells how the node is doing: `~/status`, `/diagnostics` and the log of problems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State
from rclpy.clock import Clock, ClockType

from surgsam2_msgs.msg import TrackerStatus
from surgsam2_ros.nodes import qos
from surgsam2_ros.nodes.diagnostics import Diagnostics, NodeState
from surgsam2_ros.nodes.problem_log import ProblemLog

if TYPE_CHECKING:
    from surgsam2_ros.nodes.surgsam2_node import SurgSam2Node

_STATES = {
    'unconfigured': State.PRIMARY_STATE_UNCONFIGURED,
    'inactive': State.PRIMARY_STATE_INACTIVE,
    'active': State.PRIMARY_STATE_ACTIVE,
    'finalized': State.PRIMARY_STATE_FINALIZED,
}


class StatusReporter:
    """Counts frames and problems, and publishes them once a period and at every transition.

    Args:
        node: the node to report on.
    """

    def __init__(self, node: SurgSam2Node) -> None:
        self._node = node
        self._state = 'unconfigured'
        self._message = ''
        self._diagnostics = Diagnostics(hardware_id=node.get_fully_qualified_name())
        self._problems = ProblemLog(node.get_logger().warning)
        self._status = node.create_publisher(TrackerStatus, '~/status', qos.STATUS)
        self._diagnostics_out = node.create_publisher(
            DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS
        )
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = None
        self.take_parameters()
        self.frame_received = self._diagnostics.frame_received
        self.frame_dropped = self._diagnostics.frame_dropped
        self.frame_published = self._diagnostics.frame_published
        self.publish_status()

    def take_parameters(self) -> None:
        """Adopt the reporting period, which may have changed."""
        period_s = self._node.parameters.diagnostics.period_s
        if self._timer is not None and self._timer.timer_period_ns == int(period_s * 1e9):
            return
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
        self._timer = self._node.create_timer(period_s, self._tick, clock=self._steady)

    def reset(self) -> None:
        """Count from zero and forget the last problem."""
        self._message = ''
        self._diagnostics.reset()

    def report(self, kind: str, text: str) -> None:
        """Log a problem, seldom for each kind, and show it until the next activation."""
        self._message = text
        self._diagnostics.error(text)
        self._problems.add(kind, text)

    def publish_status(self, state: str | None = None) -> None:
        """Publish `~/status`.

        Args:
            state: the lifecycle state the node is entering; None when it has not changed.
        """
        node = self._node
        self._state = state or self._state
        snapshot = self._diagnostics.snapshot()
        status = TrackerStatus(
            lifecycle_state=_STATES[self._state],
            enabled=node.enabled,
            input_topic=node.image_topic,
            num_objects=node.num_objects,
            frames_received=snapshot.frames_received,
            frames_processed=snapshot.frames_processed,
            frames_dropped=snapshot.frames_dropped,
            rate_hz=snapshot.rate_hz,
            latency_ms=snapshot.latency_ms.p50,
            inference_ms=snapshot.inference_ms.p50,
        )
        status.header.stamp = node.get_clock().now().to_msg()
        header = node.last_header
        if header is not None:
            status.header.frame_id = header.frame_id
        if node.loaded is not None:
            status.model = node.loaded.model
            status.checkpoint = node.loaded.checkpoint
            status.device = node.loaded.device
            status.precision = node.loaded.precision
        status.message = self._message or self._describe()
        self._status.publish(status)

    def _describe(self) -> str:
        if self._state != 'active':
            return self._state
        if not self._node.enabled:
            return 'paused'
        return f'tracking {self._node.num_objects} objects'

    def _tick(self) -> None:
        self.publish_status()
        loaded = self._node.loaded
        state = NodeState(
            lifecycle=self._state,
            enabled=self._node.enabled,
            input_topic=self._node.image_topic,
            model=loaded.model if loaded else '',
            device=loaded.device if loaded else '',
            precision=loaded.precision if loaded else '',
            num_objects=self._node.num_objects,
        )
        self._diagnostics_out.publish(
            self._diagnostics.message(
                self._node.get_clock().now().to_msg(),
                self._node.get_fully_qualified_name(),
                state,
                self._node.parameters.diagnostics,
            )
        )
