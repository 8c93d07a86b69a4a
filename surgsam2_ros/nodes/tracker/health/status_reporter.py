# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tells how the node is doing: `~/status`, `/diagnostics` and the log of problems."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import NamedTuple

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State
from rclpy.clock import Clock, ClockType
from rclpy.impl.rcutils_logger import RcutilsLogger
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.timer import Timer

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


class StatusOutputs(NamedTuple):
    """Where a node tells how it is doing.

    Attributes:
        name: of the node, with its namespace.
        status: publisher of `~/status`.
        diagnostics: publisher of `/diagnostics`.
        logger: takes problems, and what goes as it should.
        now: the time for the headers.
        is_open: whether anything can still be published.
        repeat: calls a function once a period [s], whose timer it returns.
    """

    name: str
    status: Publisher
    diagnostics: Publisher
    logger: RcutilsLogger
    now: Callable[[], Time]
    is_open: Callable[[], bool]
    repeat: Callable[[float, Callable[[], None]], Timer]

    @staticmethod
    def of(node: Node) -> StatusOutputs:
        """Make those of a node; periods count on a clock that nobody sets."""
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        return StatusOutputs(
            node.get_fully_qualified_name(),
            node.create_publisher(TrackerStatus, '~/status', qos.STATUS),
            node.create_publisher(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS),
            node.get_logger(),
            now=lambda: node.get_clock().now().to_msg(),
            is_open=node.context.ok,
            repeat=lambda period_s, call: node.create_timer(period_s, call, clock=steady),
        )


class StatusReporter:
    """Counts frames and problems, and publishes them once a period and at every transition.

    Args:
        outputs: where it tells them.
        describe: what the node says about itself, given its lifecycle state.
        parameters: of diagnostics, at the start.
    """

    def __init__(
        self,
        outputs: StatusOutputs,
        describe: Callable[[str], NodeDescription],
        parameters: DiagnosticsParameters,
    ) -> None:
        self._outputs, self._describe = outputs, describe
        self._state = 'unconfigured'
        self._underway = ''
        self._publishing = threading.Lock()  # transitions and the timer have threads of their own
        self._diagnostics = Diagnostics(hardware_id=outputs.name)
        self._warnings = ProblemLog(self._log_warning)
        self._errors = ProblemLog(self._log_error)
        self._parameters = parameters
        self._timer = outputs.repeat(parameters.period_s, self._tick)
        self.frame_received = self._diagnostics.frame_received
        self.frame_dropped = self._diagnostics.frame_dropped
        self.frame_published = self._diagnostics.frame_published
        self.resume = self._diagnostics.resume
        self.publish_status()

    def take_parameters(self, parameters: DiagnosticsParameters) -> None:
        """Adopt the limits and the reporting period, which may have changed."""
        self._parameters, period_ns = parameters, int(parameters.period_s * 1e9)
        if self._timer.timer_period_ns != period_ns:
            self._timer.timer_period_ns = period_ns
            self._timer.reset()  # else the new period begins when the old one is over

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
        self._outputs.logger.warning(text)

    def inform(self, text: str) -> None:
        """Log what goes as it should."""
        self._outputs.logger.info(text)

    # rclpy wants each severity to be logged from a line of its own.
    def _log_warning(self, text: str) -> None:
        self._outputs.logger.warning(text)

    def _log_error(self, text: str) -> None:
        self._outputs.logger.error(text)

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
        if not self._outputs.is_open():  # interrupted: there is nobody to publish to
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
        status.header.stamp = self._outputs.now()
        status.header.frame_id = node.frame_id
        self._outputs.status.publish(status)

    def _tick(self) -> None:
        self.publish_status()
        self._outputs.diagnostics.publish(
            self._diagnostics.message(
                self._outputs.now(),
                self._outputs.name,
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
    if node.uncertain:
        text = f'{text}, UNCERTAIN: {", ".join(node.uncertain)}'
    claims = [f'{one} and {other} claim the same place' for one, other in node.rivals]
    return ', '.join([text, *claims])
