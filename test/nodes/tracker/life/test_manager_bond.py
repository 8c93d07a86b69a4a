# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The bond to a lifecycle manager, over a real topic; bondpy itself is a stand-in."""

from __future__ import annotations

import json
import sys
from unittest.mock import MagicMock

import pytest
from loaded_trackers import spin_until, use_tracker
from repository import REPO

rclpy = pytest.importorskip('rclpy')

from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.lifecycle import TransitionCallbackReturn  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from std_msgs.msg import String  # noqa: E402

from surgsam2_ros.nodes.tracker.life.manager_bond import ManagerBond  # noqa: E402
from surgsam2_ros.nodes.tracker.node import SurgSam2Node  # noqa: E402

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
PATIENCE_S = 60.0


class Manager:
    """A node with a bond, and somebody who hears its heartbeats."""

    def __init__(self, namespace: str, timeout_s: float) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context, args=[])
        self.node = SurgSam2Node(
            context=self.context,
            namespace=namespace,
            parameter_overrides=[Parameter('bond_timeout_s', value=timeout_s)],
        )
        self.self = rclpy.create_node('manager', context=self.context, namespace=namespace)
        self.heard: list[dict] = []
        self.self.create_subscription(String, 'bond', self._hear, 10)
        self.out = self.self.create_publisher(String, 'bond', 10)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.executor.add_node(self.self)

    def _hear(self, message):
        self.heard.append(json.loads(message.data))

    def spin(self, until=lambda: False, seconds: float = PATIENCE_S) -> bool:
        return spin_until(self.executor, until, seconds)

    def close(self) -> None:
        self.executor.shutdown()
        self.node.close()
        self.self.destroy_node()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


@pytest.fixture
def manage(monkeypatch, ros_namespace):
    use_tracker(monkeypatch, MagicMock(objects=()))
    made = []

    def make(timeout_s: float) -> Manager:
        made.append(Manager(ros_namespace, timeout_s))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def bondpy(monkeypatch):
    monkeypatch.syspath_prepend(str(REPO / 'test' / 'support' / 'bond_stand_in'))
    yield
    for name in ('bondpy', 'bondpy.bondpy'):
        sys.modules.pop(name, None)


def test_heartbeats_come_under_the_name_of_the_node_while_it_is_active(bondpy, manage):
    manager = manage(4.0)
    assert manager.node.trigger_configure() == SUCCESS
    assert not manager.spin(lambda: manager.heard, seconds=1.0), 'it is not active'
    assert manager.node.trigger_activate() == SUCCESS
    assert manager.spin(lambda: len(manager.heard) > 3)
    status = manager.heard[-1]
    assert (status['id'], status['active']) == ('surgsam2', True)
    assert (status['heartbeat_timeout'], status['heartbeat_period']) == (4.0, 0.1)


def test_a_deactivation_ends_the_bond_and_the_next_activation_makes_another(bondpy, manage):
    manager = manage(4.0)
    manager.node.trigger_configure()
    instances = []
    for _ in range(2):
        manager.heard.clear()
        manager.node.trigger_activate()
        assert manager.spin(lambda: manager.heard)
        instances.append(manager.heard[-1]['instance_id'])
        manager.node.trigger_deactivate()
        assert manager.spin(lambda: not manager.heard[-1]['active'])
        manager.heard.clear()
        assert not manager.spin(lambda: manager.heard, seconds=0.5)
    assert instances[0] != instances[1]


def test_a_bond_that_the_manager_ends_is_told_and_tracking_goes_on(bondpy, manage, monkeypatch):
    manager, said = manage(4.0), []
    monkeypatch.setattr(manager.node._bond, '_warn', said.append)
    manager.node.trigger_configure()
    manager.node.trigger_activate()
    assert manager.spin(lambda: manager.heard)
    ending = {'id': 'surgsam2', 'instance_id': 'manager', 'active': False}
    manager.out.publish(String(data=json.dumps(ending)))
    assert manager.spin(lambda: said)
    assert said[0].startswith('the bond to the lifecycle manager is broken')
    assert manager.node.active


def test_without_bondpy_a_bond_that_is_asked_for_is_refused(manage, monkeypatch):
    monkeypatch.setitem(sys.modules, 'bondpy', None)  # as where it is not installed
    manager = manage(4.0)
    assert manager.node.trigger_configure() == FAILURE
    text = manager.node.reporter._diagnostics.snapshot().last_error
    assert 'bond_timeout_s is 4, but bondpy cannot be imported' in text
    assert 'set bond_timeout_s to 0' in text


def test_no_bond_is_made_by_default(manage):
    manager = manage(0.0)
    assert manager.node.trigger_configure() == manager.node.trigger_activate() == SUCCESS
    assert not manager.spin(lambda: manager.heard, seconds=1.0)


def test_an_end_without_a_bond_does_nothing():
    node = MagicMock()
    bond = ManagerBond(node, print)
    node.reset_mock()
    bond.end()
    assert not node.mock_calls
