# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Leaves outputs out while the node is behind for long, and says so.

What is left out and when is decided by `streaming.degradation`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from surgsam2_ros.nodes.tracker.parameters import OutputParameters, Parameters
from surgsam2_ros.nodes.tracker.pipeline import Pipeline
from surgsam2_ros.streaming.degradation import Degradation, Load
from surgsam2_ros.streaming.frame_slot import EVERY_FRAME

PERIOD_S = 1.0


class LoadShedding:
    """Watches the load of a node and switches off outputs that cost time.

    Args:
        node: has the timer and the log.
        parameters: the present ones.
        load: of the last seconds; None while nothing is tracked.
        pipeline: the present one, or None; an output that nobody listens to costs nothing.
    """

    def __init__(
        self,
        node: Node,
        *,
        parameters: Callable[[], Parameters],
        load: Callable[[], Load | None],
        pipeline: Callable[[], Pipeline | None],
    ) -> None:
        self._node = node
        self._parameters, self._load, self._pipeline = parameters, load, pipeline
        self._degradation = Degradation()
        self.reset = self._degradation.reset
        node.create_timer(PERIOD_S, self._judge, clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is left out and why, a sentence each."""
        return self._degradation.sentences

    def output(self) -> OutputParameters:
        """Return the present settings of the outputs, without those that are left out."""
        off = dict.fromkeys(self._degradation.taken, False)
        return dataclasses.replace(self._parameters().output, **off)

    def _judge(self) -> None:
        parameters, load, pipeline = self._parameters(), self._load(), self._pipeline()
        # With every_frame late results are what was asked for, and none of them may miss a part.
        if load is None or pipeline is None or parameters.input.policy == EVERY_FRAME:
            return
        subscribed = pipeline.subscribed_outputs()
        useful = [step for step in subscribed if getattr(parameters.output, step)]
        change = self._degradation.judge(
            load,
            order=parameters.degrade,
            useful=useful,
            max_latency_ms=parameters.diagnostics.max_latency_ms,
        )
        if change:
            self._node.get_logger().warning(change)
