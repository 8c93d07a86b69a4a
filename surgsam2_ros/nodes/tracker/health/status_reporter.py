# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tells how the node is doing: `~/status`, `/diagnostics` and the log of problems."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from surgsam2_msgs.msg import TrackerStatus
from surgsam2_ros.nodes.messages import qos
from surgsam2_ros.nodes.tracker.health.diagnostics import (
    WINDOW_S,
    Diagnostics,
    NodeDescription,
    Snapshot,
    silence,
)
from surgsam2_ros.nodes.tracker.health.problem_log import ProblemLog
from surgsam2_ros.nodes.tracker.parameters import DiagnosticsParameters
from surgsam2_ros.streaming.degradation import Load

_STATES = {
    'unconfigured': State.PRIMARY_STATE_UNCONFIGURED,
    'inactive': State.PRIMARY_STATE_INACTIVE,
    'active': State.PRIMARY_STATE_ACTIVE,
    'finalized': State.PRIMARY_STATE_FINALIZED,
}
# Kinds of problems that somebody has to see to; the others are warnings.
ERRORS = ('stop', 'configure', 'inference', 'publish', 'hang')


class StatusReporter:
    """Counts frames and problems, and publishes them once a period and at every transition.

    Args:
        node: has the topics, the log and the clock.
        describe: what the node says about itself, given its lifecycle state.
        parameters: of diagnostics, at the start.
    """

    def __init__(
        self,
        node: Node,
        describe: Callable[[str], NodeDescription],
        parameters: DiagnosticsParameters,
    ) -> None:
        self._node, self._describe = node, describe
        self._state = 'unconfigured'
        self._underway = ''
        self._publishing = threading.Lock()  # transitions and the timer have threads of their own
        self._diagnostics = Diagnostics(hardware_id=node.get_fully_qualified_name())
        self._warnings = ProblemLog(self._log_warning)
        self._errors = ProblemLog(self._log_error)
        self._status = node.create_publisher(TrackerStatus, '~/status', qos.STATUS)
        self._diagnostics_out = node.create_publisher(
            DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS
        )
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = None
        self._parameters = parameters
        self.take_parameters(parameters)
        self.frame_received = self._diagnostics.frame_received
        self.frame_dropped = self._diagnostics.frame_dropped
        self.frame_published = self._diagnostics.frame_published
        self.resume = self._diagnostics.resume
        self.publish_status()

    def take_parameters(self, parameters: DiagnosticsParameters) -> None:
        """Adopt the limits and the reporting period, which may have changed."""
        self._parameters, period_s = parameters, parameters.period_s
        if self._timer is not None and self._timer.timer_period_ns == int(period_s * 1e9):
            return
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
        self._timer = self._node.create_timer(period_s, self._tick, clock=self._steady)

    def load(self) -> Load:
        """Return how fast images come and results go, over the last seconds."""
        snapshot = self._diagnostics.snapshot()
        return Load(snapshot.input_rate_hz, snapshot.rate_hz, snapshot.latency_ms.p50)

    def reset(self) -> None:
        """Count from zero and forget the last problem."""
        self._diagnostics.reset()

    def report(self, kind: str, text: str) -> None:
        """Log a problem, seldom for each kind, and show it in status and diagnostics."""
        self._diagnostics.error(text)
        (self._errors if kind in ERRORS else self._warnings).add(kind, text)

    def warn(self, text: str) -> None:
        """Log what somebody should know, without counting it as a problem."""
        self._node.get_logger().warning(text)

    def inform(self, text: str) -> None:
        """Log what goes as it should."""
        self._node.get_logger().info(text)

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

    def enter(self, underway: str) -> None:
        """Tell that a transition is under way, empty once it is over."""
        self._underway = underway
        if underway:
            self.publish_status()

    def publish_status(self, state: str | None = None) -> None:
        """Publish `~/status`.

        Args:
            state: the lifecycle state that a transition ends in; None when it has not changed.
        """
        with self._publishing:
            if state is not None:
                self._state, self._underway = state, ''
            self._publish_status()

    def _publish_status(self) -> None:
        if not self._node.context.ok():  # interrupted: there is nobody to publish to
            return
        node = self._describe(self._state)._replace(underway=self._underway)
        snapshot = self._diagnostics.snapshot()
        status = TrackerStatus(
            lifecycle_state=_STATES[self._state],
            enabled=node.enabled,
            input_topic=node.input_topic,
            frames_received=snapshot.frames_received,
            frames_processed=snapshot.frames_processed,
            frames_dropped=snapshot.frames_dropped,
            rate_hz=snapshot.rate_hz,
            latency_ms=snapshot.latency_ms.p50,
            inference_ms=snapshot.inference_ms.p50,
            model=node.model,
            checkpoint=node.checkpoint,
            device=node.device,
            precision=node.precision,
            num_objects=node.num_objects,
            num_uncertain=len(node.uncertain),
            message=_status_text(snapshot, node),
            degraded=node.degraded,
        )
        status.header.stamp = self._node.get_clock().now().to_msg()
        status.header.frame_id = node.frame_id
        self._status.publish(status)

    def _tick(self) -> None:
        self.publish_status()
        self._diagnostics_out.publish(
            self._diagnostics.message(
                self._node.get_clock().now().to_msg(),
                self._node.get_fully_qualified_name(),
                self._describe(self._state)._replace(underway=self._underway),
                self._parameters,
            )
        )


def _status_text(snapshot: Snapshot, node: NodeDescription) -> str:
    """Say in a sentence how the node is doing."""
    if node.underway or node.hang:
        return node.underway or node.hang
    active = node.lifecycle == 'active'
    silent = silence(snapshot, node) if active and node.enabled else ''
    if silent:
        return silent
    if snapshot.last_error and (not active or snapshot.seconds_since_error <= WINDOW_S):
        return snapshot.last_error
    if not active:
        return node.lifecycle
    if not node.enabled:
        return 'paused'
    text = f'tracking {node.num_objects} objects'
    if node.restored:
        text = f'{text}, {node.restored}'
    return f'{text}, UNCERTAIN: {", ".join(node.uncertain)}' if node.uncertain else text
