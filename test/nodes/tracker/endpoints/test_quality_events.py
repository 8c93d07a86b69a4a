# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a supervisor sees over Fast DDS when the camera stops, the node hangs or nobody fits."""

from __future__ import annotations

import signal
import time

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from node_processes import STOP_TIMEOUT_S, running_node, write_random_checkpoint
from rclpy.duration import Duration
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.qos import LivelinessPolicy, QoSProfile
from sensor_msgs.msg import Image

from surgsam2_msgs.msg import TrackArray
from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.nodes.messages import qos

DEADLINE_S = 1.0
LEASE_S = 3.0
PATIENCE_S = 60.0


class Supervisor:
    """Subscribes to `~/tracks` with promises asked for, and to the diagnostics."""

    def __init__(self, namespace: str, deadline_s=DEADLINE_S, lease_s=LEASE_S) -> None:
        self.missed = self.alive = self.results = 0
        self.values, self.text = {}, ''
        self._owner = NodeThread('supervisor')
        node = self._owner.node
        node.create_subscription(DiagnosticArray, '/diagnostics', self._diagnose, qos.DIAGNOSTICS)
        node.create_subscription(
            TrackArray,
            f'{namespace}/surgsam2/tracks',
            self._count,
            QoSProfile(
                depth=5,
                deadline=Duration(seconds=deadline_s),
                liveliness=LivelinessPolicy.MANUAL_BY_TOPIC,
                liveliness_lease_duration=Duration(seconds=lease_s),
            ),
            event_callbacks=SubscriptionEventCallbacks(
                deadline=self._miss, liveliness=self._live, incompatible_qos=lambda _: None
            ),
        )

    def _count(self, _tracks):
        self.results += 1

    def _miss(self, event):
        self.missed = event.total_count

    def _live(self, event):
        self.alive = event.alive_count

    def _diagnose(self, message):
        (status,) = message.status
        self.values = {value.key: value.value for value in status.values}
        self.text = status.message

    def wait(self, condition, what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f'{what}; diagnostics: {self.text} {self.values}'
            time.sleep(0.05)

    def close(self) -> None:
        self._owner.close()


@pytest.fixture
def supervise():
    made = []

    def make(*arguments, **asked) -> Supervisor:
        made.append(Supervisor(*arguments, **asked))
        return made[-1]

    yield make
    for supervisor in made:
        supervisor.close()


@pytest.fixture(scope='module')
def node(tmp_path_factory):
    """Give an active node that promises results and life, and asks for reliable images."""
    folder = tmp_path_factory.mktemp('quality')
    parameters = {
        'model.checkpoint': write_random_checkpoint(folder / 'random.safetensors'),
        'model.device': 'cpu',
        'input.qos': 'DEFAULT',
        'output.deadline_ms': 1e3 * DEADLINE_S,
        'output.liveliness_lease_ms': 1e3 * LEASE_S,
        'diagnostics.period_s': 0.2,
    }
    with running_node(folder, '/quality', parameters) as node:
        node.client.configure()
        node.activate_and_wait()
        yield node
        assert node.process.stop(STOP_TIMEOUT_S) == 0


def count(supervisor, key: str) -> int:
    return int(supervisor.values.get(key, '0'))


def test_a_camera_that_stops_is_a_missed_deadline_and_no_lost_liveliness(node, supervise):
    supervisor = supervise(node.namespace)
    supervisor.wait(lambda: supervisor.alive == 1, 'the tracker is not alive')
    while not supervisor.results:
        node.track()
    before = supervisor.missed
    silent_since = time.monotonic()
    supervisor.wait(lambda: supervisor.missed > before, 'no deadline was missed')
    supervisor.wait(lambda: count(supervisor, 'deadlines_missed') > 0, 'the node saw no miss')
    while time.monotonic() - silent_since < LEASE_S + 1.0:
        assert supervisor.alive == 1, 'the tracker waits, but lives'
        time.sleep(0.1)


def test_a_process_that_hangs_loses_its_liveliness_until_it_goes_on(node, supervise):
    supervisor = supervise(node.namespace)
    supervisor.wait(lambda: supervisor.alive == 1, 'the tracker is not alive')
    node.process.signal(signal.SIGSTOP)
    try:
        supervisor.wait(lambda: supervisor.alive == 0, 'liveliness was not lost')
    finally:
        node.process.signal(signal.SIGCONT)
    supervisor.wait(lambda: supervisor.alive == 1, 'the tracker did not come back')


def test_a_subscriber_that_asks_for_more_than_is_offered_is_named(node, supervise):
    supervisor = supervise(node.namespace, deadline_s=DEADLINE_S / 2)
    supervisor.wait(lambda: count(supervisor, 'incompatible_subscribers') > 0, 'not counted')
    node.track()
    assert supervisor.results == 0
    supervisor.wait(lambda: 'DEADLINE that is not offered' in supervisor.text, 'not named')


def test_a_camera_whose_quality_does_not_fit_is_named(node, supervise):
    supervisor = supervise(node.namespace)
    camera = NodeThread('best_effort_camera')
    try:
        camera.node.create_publisher(
            Image, f'{node.namespace}/image', qos.qos_profile('SENSOR_DATA')
        )
        supervisor.wait(lambda: count(supervisor, 'incompatible_publishers') > 0, 'not counted')
        supervisor.wait(
            lambda: 'no image' in supervisor.text and 'SENSOR_DATA' in supervisor.text, 'not named'
        )
    finally:
        camera.close()
