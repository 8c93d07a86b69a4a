# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A subscription that waits takes nothing, and has the first message that is published then."""

from __future__ import annotations

import time

import pytest

rclpy = pytest.importorskip('rclpy')

from loaded_trackers import spin_until  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from std_msgs.msg import String  # noqa: E402

from surgsam2_ros.nodes.messages.qos import qos_profile  # noqa: E402
from surgsam2_ros.nodes.tracker.endpoints.standby import PERIOD_S, StandbySubscription  # noqa: E402

DEPTH = 5


@pytest.fixture(name='node')
def _node(ros_namespace):
    context = rclpy.Context()
    rclpy.init(context=context, args=[])
    node = rclpy.create_node('standby', context=context, namespace=ros_namespace)
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.fixture(name='executor')
def _executor(node):
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    yield executor
    executor.shutdown()


@pytest.fixture(name='received')
def _received():
    return []


@pytest.fixture(name='subscription')
def _subscription(node, received):
    subscription = StandbySubscription(
        node, String, 'words', lambda m: received.append(m.data),
        qos_profile=qos_profile('DEFAULT', DEPTH),
    )  # fmt: skip
    yield subscription
    subscription.destroy()


@pytest.fixture(name='say')
def _say(node, subscription):
    """Give a function that publishes a word to the subscription, which has found the publisher."""
    publisher = node.create_publisher(String, 'words', qos_profile('DEFAULT', DEPTH))
    deadline = time.monotonic() + 15.0
    while not (
        publisher.get_subscription_count() and subscription._subscription.get_publisher_count()
    ):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return lambda word: publisher.publish(String(data=word))


def test_the_first_message_after_the_opening_is_received(executor, subscription, say, received):
    subscription.open()
    say('first')
    assert spin_until(executor, lambda: received, 10.0)
    assert received == ['first']


def test_what_was_published_before_is_passed_by(executor, subscription, say, received):
    for number in range(2 * DEPTH):
        say(f'before {number}')
    assert not spin_until(executor, lambda: received, 0.3)
    subscription.open()
    say('after')
    assert spin_until(executor, lambda: received, 10.0)
    assert received == ['after']


def test_a_history_that_nobody_wants_does_not_fill(executor, subscription, say):
    say('unheard')
    handle = subscription._subscription.handle
    assert not spin_until(executor, lambda: False, 2 * PERIOD_S)
    assert handle.take_message(String, True) is None


def test_it_can_be_closed_and_opened_again(executor, subscription, say, received):
    for word in ('one', 'two'):
        subscription.open()
        say(word)
        assert spin_until(executor, lambda word=word: word in received, 10.0)
        subscription.close()
        say('unheard')
        assert not spin_until(executor, lambda: 'unheard' in received, 0.2)
    assert received == ['one', 'two']
