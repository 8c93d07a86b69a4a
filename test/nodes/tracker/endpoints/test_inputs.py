# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The node knows its camera before it is active, and looks at no image before that."""

from __future__ import annotations

import pytest

rclpy = pytest.importorskip('rclpy')

from unittest.mock import MagicMock  # noqa: E402

from loaded_trackers import use_tracker  # noqa: E402
from node_processes import running_node, write_random_checkpoint  # noqa: E402
from rclpy.lifecycle import TransitionCallbackReturn  # noqa: E402

from surgsam2_ros.nodes.client import NodeState  # noqa: E402
from surgsam2_ros.nodes.tracker import pipeline  # noqa: E402
from surgsam2_ros.nodes.tracker.node import SurgSam2Node  # noqa: E402

INPUTS = ('image', 'prompts')


def test_the_first_image_after_each_activation_has_a_result_and_none_before_counts(tmp_path):
    parameters = {
        'model.checkpoint': write_random_checkpoint(tmp_path / 'random.safetensors'),
        'model.device': 'cpu',
        'model.warmup_frames': 0,
        'input.qos': 'DEFAULT',
        'diagnostics.period_s': 0.2,
    }
    with running_node(tmp_path, '/inputs', parameters) as node:
        client, camera = node.client, node.camera
        client.configure()
        camera.publisher()  # returns when the node listens
        for _ in range(2):
            for _ in range(3):
                camera.send()
            client.activate()
            camera.send()
            status = client.wait_for_status(
                lambda s: s.lifecycle_state == NodeState.ACTIVE and s.frames_processed
            )
            assert (status.frames_received, status.frames_dropped) == (1, 0)
            client.deactivate()
            client.wait_for_status(lambda s: s.message == 'inactive')


@pytest.fixture(name='node')
def _node(ros_namespace):
    context = rclpy.Context()
    rclpy.init(context=context, args=[])
    node = SurgSam2Node(context=context, namespace=ros_namespace)
    yield node
    node.close()
    node.destroy_node()
    rclpy.shutdown(context=context)


def subscriptions(node) -> list[int]:
    return [len(node.get_subscriptions_info_by_topic(topic)) for topic in INPUTS]


def test_inputs_are_connected_while_the_network_is_loaded_and_not_after_a_cleanup(
    node, monkeypatch
):
    use_tracker(monkeypatch, MagicMock(objects=()))
    load, seen = pipeline.load_tracker, []
    monkeypatch.setattr(
        pipeline, 'load_tracker', lambda *a: seen.append(subscriptions(node)) or load(*a)
    )
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    assert seen == [[1, 1]]
    for transition in (node.trigger_activate, node.trigger_deactivate):
        assert transition() == TransitionCallbackReturn.SUCCESS
        assert subscriptions(node) == [1, 1]
    assert node.trigger_cleanup() == TransitionCallbackReturn.SUCCESS
    assert subscriptions(node) == [0, 0]


def test_a_configuration_that_fails_leaves_no_subscription(node, monkeypatch):
    def fail(*_):
        raise FileNotFoundError('no weights')

    monkeypatch.setattr(pipeline, 'load_tracker', fail)
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert subscriptions(node) == [0, 0]
