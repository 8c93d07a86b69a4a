# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tells how the node is doing: `~/status`, `/diagnostics` and the log of problems."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State
from rclpy.clock import Clock, ClockType

from surgsam2_msgs.msg import TrackerStatus
from surgsam2_ros.nodes.messages import qos
from surgsam2_ros.nodes.tracker.diagnostics import (
    WINDOW_S,
    Diagnostics,
    NodeState,
    Snapshot,
    silence,
)
from surgsam2_ros.nodes.tracker.problem_log import ProblemLog

if TYPE_CHECKING:
    from surgsam2_ros.nodes.tracker.node import SurgSam2Node

_STATES = {
    'unconfigured': State.PRIMARY_STATE_UNCONFIGURED,
    'inactive': State.PRIMARY_STATE_INACTIVE,
    'active': State.PRIMARY_STATE_ACTIVE,
    'finalized': State.PRIMARY_STATE_FINALIZED,
}
# Kinds of problems that somebody has to see to; the others are warnings.
ERRORS = ('stop', 'configure', 'inference', 'publish')


class StatusReporter:
    """Counts frames and problems, and publishes them once a period and at every transition.

    Args:
        node: the node to report on.
    """

    def __init__(self, node: SurgSam2Node) -> None:
        self._node = node
        self._state = 'unconfigured'
        self._diagnostics = Diagnostics(hardware_id=node.get_fully_qualified_name())
        self._warnings = ProblemLog(self._log_warning)
        self._errors = ProblemLog(self._log_error)
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
        self.resume = self._diagnostics.resume
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
        self._diagnostics.reset()

    def report(self, kind: str, text: str) -> None:
        """Log a problem, seldom for each kind, and show it in status and diagnostics."""
        self._diagnostics.error(text)
        (self._errors if kind in ERRORS else self._warnings).add(kind, text)

    # rclpy wants each severity to be logged from a line of its own.
    def _log_warning(self, text: str) -> None:
        self._node.get_logger().warning(text)

    def _log_error(self, text: str) -> None:
        self._node.get_logger().error(text)

    def report_exception(self, what: str, error: Exception) -> None:
        """Report an error that nobody foresaw, with its traceback."""
        text = f'{what}: {type(error).__name__}: {error}'
        self._diagnostics.error(text)
        self._errors.add(what, ''.join([text, '\n', *traceback.format_exception(error)]))

    def publish_status(self, state: str | None = None) -> None:
        """Publish `~/status`.

        Args:
            state: the lifecycle state the node is entering; None when it has not changed.
        """
        node = self._node
        self._state = state or self._state
        if not node.context.ok():  # interrupted: there is nobody to publish to
            return
        snapshot = self._diagnostics.snapshot()
        status = TrackerStatus(
            lifecycle_state=_STATES[self._state],
            enabled=node.enabled,
            input_topic=node.image_topic,
            frames_received=snapshot.frames_received,
            frames_processed=snapshot.frames_processed,
            frames_dropped=snapshot.frames_dropped,
            rate_hz=snapshot.rate_hz,
            latency_ms=snapshot.latency_ms.p50,
            inference_ms=snapshot.inference_ms.p50,
        )
        status.header.stamp = node.get_clock().now().to_msg()
        if node.pipeline is not None:
            loaded = node.pipeline.loaded
            status.model = loaded.model
            status.checkpoint = loaded.checkpoint
            status.device = loaded.device
            status.precision = loaded.precision
            status.num_objects = node.pipeline.num_objects
            status.num_uncertain = len(node.pipeline.uncertain_objects)
            if node.pipeline.last_header is not None:
                status.header.frame_id = node.pipeline.last_header.frame_id
        status.message = self._describe(snapshot)
        self._status.publish(status)

    def _describe(self, snapshot: Snapshot) -> str:
        active = self._state == 'active'
        if snapshot.last_error and (not active or snapshot.seconds_since_error <= WINDOW_S):
            return snapshot.last_error
        if not active:
            return self._state
        if not self._node.enabled:
            return 'paused'
        silent = silence(snapshot, self._node_state())
        if silent:
            return silent
        text = f'tracking {self._node.pipeline.num_objects} objects'
        uncertain = self._node.pipeline.uncertain_objects
        return f'{text}, UNCERTAIN: {", ".join(uncertain)}' if uncertain else text

    def _node_state(self) -> NodeState:
        pipeline = self._node.pipeline
        loaded = pipeline.loaded if pipeline is not None else None
        return NodeState(
            lifecycle=self._state,
            enabled=self._node.enabled,
            input_topic=self._node.image_topic,
            model=loaded.model if loaded else '',
            device=loaded.device if loaded else '',
            precision=loaded.precision if loaded else '',
            engine=loaded.engine.name if loaded else '',
            engine_failures=tuple(loaded.failures) if loaded else (),
            num_objects=pipeline.num_objects if pipeline is not None else 0,
            uncertain=pipeline.uncertain_objects if pipeline is not None else (),
            publishers=self._node.count_publishers(self._node.image_topic),
            timeout_s=self._node.parameters.input.timeout_s,
        )

    def _tick(self) -> None:
        self.publish_status()
        self._diagnostics_out.publish(
            self._diagnostics.message(
                self._node.get_clock().now().to_msg(),
                self._node.get_fully_qualified_name(),
                self._node_state(),
                self._node.parameters.diagnostics,
            )
        )
