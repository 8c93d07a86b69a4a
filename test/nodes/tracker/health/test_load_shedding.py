# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A node that is behind for long leaves outputs out that somebody listens to, and says so.

The node, its topics and its listeners are real; the times of frames are what the test says, and
the policy's seconds are shortened.
"""

from __future__ import annotations

from unittest.mock import MagicMock

import pytest
from loaded_trackers import spin_until, use_tracker

rclpy = pytest.importorskip('rclpy')

from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.lifecycle import TransitionCallbackReturn  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402

from surgsam2_msgs.msg import TrackerStatus  # noqa: E402
from surgsam2_ros.nodes.messages import qos  # noqa: E402
from surgsam2_ros.nodes.tracker.health import diagnostics, load_shedding  # noqa: E402
from surgsam2_ros.nodes.tracker.node import SurgSam2Node  # noqa: E402
from surgsam2_ros.streaming import degradation  # noqa: E402

SUCCESS = TransitionCallbackReturn.SUCCESS
PATIENCE_S = 60.0


class Bench:
    """An active node, somebody who listens, and an executor for both."""

    def __init__(self, namespace, **parameters) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context, args=[])
        parameters = {'diagnostics.period_s': 0.1, **parameters}
        self.node = SurgSam2Node(
            context=self.context,
            namespace=namespace,
            parameter_overrides=[Parameter(name, value=v) for name, v in parameters.items()],
        )
        self.listener = rclpy.create_node('listener', context=self.context, namespace=namespace)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.executor.add_node(self.listener)
        self.status, self.diagnostics = TrackerStatus(), {}
        self.listener.create_subscription(
            TrackerStatus, 'surgsam2/status', self._take_status, qos.STATUS
        )
        self.listener.create_subscription(
            DiagnosticArray, '/diagnostics', self._take_diagnostics, qos.DIAGNOSTICS
        )
        assert self.node.trigger_configure() == SUCCESS
        assert self.node.trigger_activate() == SUCCESS

    def _take_status(self, message):
        self.status = message

    def _take_diagnostics(self, message):
        (status,) = message.status
        self.diagnostics = {value.key: value.value for value in status.values}
        self.diagnostics['level'], self.diagnostics['message'] = status.level, status.message

    def listen(self, topic: str) -> None:
        self.listener.create_subscription(Image, f'surgsam2/{topic}', print, qos.OVERLAY)

    def run(self, latency_ms: float, until, seconds: float = PATIENCE_S) -> bool:
        """Let images come, of which every second has a result, until something is so."""
        return spin_until(self.executor, until, seconds, lambda: self._pass_images(latency_ms))

    def _pass_images(self, latency_ms: float) -> None:
        self.node.reporter.frame_received(2)
        self.node.reporter.frame_published(latency_ms, 10.0)

    def close(self) -> None:
        self.executor.shutdown()
        self.node.close()
        self.listener.destroy_node()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


@pytest.fixture
def bench(monkeypatch, ros_namespace):
    for module, name, seconds in (
        (load_shedding, 'PERIOD_S', 0.1),
        (degradation, 'BEHIND_S', 1.0),
        (degradation, 'KEPT_UP_S', 1.0),
        (diagnostics, 'WINDOW_S', 0.5),
    ):
        monkeypatch.setattr(module, name, seconds)
    use_tracker(monkeypatch, MagicMock(objects=()))
    made = []

    def make(**parameters) -> Bench:
        made.append(Bench(ros_namespace, **parameters))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_an_overlay_that_somebody_watches_is_left_out_and_comes_back(bench):
    bench = bench()
    bench.listen('overlay')
    assert bench.run(900.0, lambda: bench.status.degraded)
    (sentence,) = bench.status.degraded
    assert sentence.startswith('the overlay is left out: results at ')
    assert 'above diagnostics.max_latency_ms 500' in sentence
    assert bench.run(900.0, lambda: bench.diagnostics['degraded'] == sentence)
    assert bench.diagnostics['level'] == diagnostics.WARN
    assert sentence in bench.diagnostics['message']
    assert not bench.node._shedding.output().overlay
    assert bench.node._shedding.output().label_image, 'nobody listens to it'
    assert bench.run(50.0, lambda: not bench.status.degraded)
    assert bench.node._shedding.output().overlay


def test_outputs_that_nobody_listens_to_are_not_left_out(bench):
    bench = bench()
    assert not bench.run(900.0, lambda: bench.status.degraded, seconds=3.0)


def test_a_replay_of_every_frame_leaves_nothing_out(bench):
    bench = bench(**{'input.policy': 'every_frame'})
    bench.listen('label_image')
    assert not bench.run(900.0, lambda: bench.status.degraded, seconds=3.0)


def test_a_new_activation_begins_with_everything(bench):
    bench = bench()
    bench.listen('label_image')
    assert bench.run(900.0, lambda: bench.status.degraded)
    assert bench.node.trigger_deactivate() == bench.node.trigger_activate() == SUCCESS
    assert bench.node._shedding.sentences == ()
