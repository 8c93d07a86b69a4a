# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A node whose device is lost does not stay ACTIVE, and says what to do."""

from __future__ import annotations

import contextlib
import time
from unittest.mock import MagicMock

import pytest
import torch
from loaded_trackers import use_tracker

rclpy = pytest.importorskip('rclpy')

from rclpy.exceptions import InvalidHandle  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.lifecycle import TransitionCallbackReturn  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402

from surgsam2_ros.nodes.tracker.node import SurgSam2Node  # noqa: E402
from surgsam2_ros.streaming.frame_slot import ReceivedFrame  # noqa: E402

LOST = 'CUDA error: an illegal memory access was encountered'


@pytest.fixture(name='node')
def _node(monkeypatch, ros_namespace):
    """Give an active node whose tracker meets a lost device."""
    tracker = MagicMock(objects=())
    tracker.track.side_effect = torch.AcceleratorError(LOST)
    use_tracker(monkeypatch, tracker, device='cuda:0')
    context = rclpy.Context()
    rclpy.init(context=context, args=[])
    node = SurgSam2Node(context=context, namespace=ros_namespace)
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS
    yield node
    node.close()
    node.destroy_node()
    rclpy.shutdown(context=context)


def test_a_lost_device_ends_the_node_with_the_reason(node):
    image = Image(height=4, width=4, encoding='rgb8', step=12, data=bytes(48))
    node.pipeline.slot.put(ReceivedFrame(image, 1, 1))
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    deadline = time.monotonic() + 60.0
    while node._state_machine.current_state[1] != 'finalized' and time.monotonic() < deadline:
        with contextlib.suppress(InvalidHandle):  # its endpoints are destroyed meanwhile
            executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    assert node._state_machine.current_state[1] == 'finalized'
    last_error = node.reporter._diagnostics.snapshot().last_error
    assert last_error.startswith('the device was lost, restart the process of the node')
    assert LOST in last_error
