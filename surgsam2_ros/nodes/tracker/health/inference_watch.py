# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Looks after the inference thread from outside: what waits too long, what hangs, what is lost."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from surgsam2_ros.nodes.tracker.health.status_reporter import StatusReporter
from surgsam2_ros.nodes.tracker.parameters import Parameters
from surgsam2_ros.nodes.tracker.pipeline import Pipeline
from surgsam2_ros.streaming.requests import CallRequest, PromptRequest, format_stamp
from surgsam2_ros.streaming.watchdog import Watchdog, Work, allowed_s

PERIOD_S = 0.1


class InferenceWatch:
    """Looks ten times a second, for as long as the node lives.

    Args:
        node: has the timer, the log and the graph.
        reporter: hears of what is wrong.
        pipeline: the present one, or None.
        parameters: the present ones.
        image_topic: resolved name of the image topic now.
        on_failure: called again and again while the inference thread cannot track any more, and
            the process is to stay.
        on_hopeless: called when it hangs or cannot track, and the process is to end.
    """

    def __init__(
        self,
        node: Node,
        reporter: StatusReporter,
        *,
        pipeline: Callable[[], Pipeline | None],
        parameters: Callable[[], Parameters],
        image_topic: Callable[[], str],
        on_failure: Callable[[], None],
        on_hopeless: Callable[[], None],
    ) -> None:
        self._node, self._reporter = node, reporter
        self._pipeline, self._parameters, self._image_topic = pipeline, parameters, image_topic
        self._on_failure, self._on_hopeless = on_failure, on_hopeless
        self._watchdog = Watchdog(
            self._work, self._allowed_s, on_hang=self._report_hang, on_recovery=self._tell_recovery
        )
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        node.create_timer(PERIOD_S, self._look, clock=steady)

    @property
    def hang(self) -> str:
        """What hangs and for how long; empty when nothing does."""
        return self._watchdog.hang

    def _look(self) -> None:
        pipeline = self._pipeline()
        if pipeline is not None:
            pipeline.expire_requests(self._explain_timeout)
        self._watchdog.check()
        failure = '' if pipeline is None else pipeline.inference.failure
        if failure and not self._give_up(failure):
            self._on_failure()  # a transition: not while the process ends

    def _work(self) -> Work | None:
        pipeline = self._pipeline()
        return None if pipeline is None else pipeline.inference.work

    def _allowed_s(self, work: Work) -> float:
        pipeline = self._pipeline()
        frame_s = 0.0 if pipeline is None else pipeline.inference.frame_s
        return allowed_s(work, self._parameters().diagnostics.max_silence_s, frame_s)

    def _report_hang(self, text: str) -> None:
        self._reporter.report('hang', text)
        self._reporter.publish_status()
        self._give_up(text)

    def _tell_recovery(self, text: str) -> None:
        self._reporter.warn(f'{text}; tracking goes on')
        self._reporter.publish_status()

    def _give_up(self, reason: str) -> bool:
        """End the process where that is wanted; False where it is not."""
        if not self._parameters().diagnostics.exit_on_hang:
            return False
        self._node.get_logger().fatal(f'{reason}; the process ends (diagnostics.exit_on_hang)')
        self._on_hopeless()
        return True

    def _explain_timeout(self, request: PromptRequest | CallRequest) -> str:
        waited = f'within {self._parameters().tracking.prompt_timeout_s:g} s'
        if isinstance(request, CallRequest):
            return f'the tracker was busy and did not answer {waited}; ask again'
        topic = self._image_topic()
        publishers = f'{self._node.count_publishers(topic)} publishers on {topic}'
        if request.stamp_ns:
            return (
                f'no image of {format_stamp(request.stamp_ns)} or newer was tracked {waited} '
                f'({publishers}); use stamp 0 for the newest image'
            )
        return (
            f'no image was tracked {waited} ({publishers}); check the camera, the remapping of '
            'the topic, input.transport and input.qos'
        )
