# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A stop that fails says so and loads no second network; one that succeeds leaves no counts."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

rclpy = pytest.importorskip('rclpy')

from rclpy.lifecycle import TransitionCallbackReturn  # noqa: E402

from surgsam2_ros.nodes.tracker import pipeline as pipeline_module  # noqa: E402
from surgsam2_ros.nodes.tracker.node import SurgSam2Node  # noqa: E402
from surgsam2_ros.nodes.tracker.tracker_loading import LoadedTracker  # noqa: E402
from surgsam2_ros.streaming.frame_slot import ReceivedFrame  # noqa: E402

SUCCESS, ERROR = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.ERROR


@pytest.fixture(name='loads')
def _loads(monkeypatch) -> list:
    """Count how often a network is loaded; waits for the thread are short."""
    loads = []
    loaded = LoadedTracker(
        MagicMock(), 'nano', 'nano.safetensors', 'cpu', 'fp32', SimpleNamespace(name='torch'), []
    )
    monkeypatch.setattr(pipeline_module, 'load_tracker', lambda *_: loads.append(1) or loaded)
    monkeypatch.setattr(pipeline_module, 'IDLE_TIMEOUT_S', 0.3)
    monkeypatch.setattr(pipeline_module, 'STOP_TIMEOUT_S', 0.3)
    return loads


@pytest.fixture(name='node')
def _node(loads, ros_namespace):
    context = rclpy.Context()
    rclpy.init(context=context, args=[])
    node = SurgSam2Node(context=context, namespace=ros_namespace)
    assert node.trigger_configure() == SUCCESS
    yield node
    node.close()
    node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.fixture(name='hanging')
def _hanging(node):
    """Let the inference thread hang, as in a driver that does not return, until the test ends."""
    hangs, released = threading.Event(), threading.Event()

    def hang(_tracker) -> None:
        hangs.set()
        released.wait(60)

    node.pipeline.requests.submit_call(hang, timeout_s=60.0)
    assert hangs.wait(10)
    yield released
    released.set()


def state(node) -> str:
    return node._state_machine.current_state[1]


def is_refused(trigger) -> bool:
    """Return whether a transition is not made: rclpy says so, before Kilted by an exception."""
    try:
        return trigger() == ERROR
    except RuntimeError:
        return True


def test_a_deactivation_that_cannot_finish_is_an_error(node, hanging, loads):
    node.trigger_activate()
    assert node.trigger_deactivate() == ERROR
    assert state(node) == 'finalized', 'the network is still in use'
    assert is_refused(node.trigger_configure)
    assert loads == [1]


def test_a_cleanup_that_frees_nothing_is_an_error_and_loads_nothing_twice(node, hanging, loads):
    assert node.trigger_cleanup() == ERROR
    assert state(node) == 'finalized'
    assert node.pipeline is not None, 'what is in use is not forgotten'
    assert 'restart the process' in node.reporter._diagnostics.snapshot().last_error
    assert is_refused(node.trigger_configure)
    assert loads == [1]


def test_a_thread_that_ends_after_all_leaves_a_node_that_can_be_configured(
    node, hanging, loads, monkeypatch
):
    monkeypatch.setattr(pipeline_module, 'STOP_TIMEOUT_S', 30.0)
    node.trigger_activate()
    threading.Timer(1.0, hanging.set).start()  # the deactivation has given up by then
    assert node.trigger_deactivate() == ERROR
    assert state(node) == 'unconfigured'
    assert node.trigger_configure() == SUCCESS
    assert loads == [1, 1]


def test_images_that_waited_are_counted_before_the_next_activation_counts_from_zero(
    node, hanging, monkeypatch
):
    monkeypatch.setattr(pipeline_module, 'IDLE_TIMEOUT_S', 30.0)
    node.trigger_activate()
    # As with objects: one image is prepared while another waits.
    node.pipeline.loaded.tracker.objects = [SimpleNamespace(object_id='a', state=None, rival='')]
    node.pipeline.inference.encode_ahead = node.pipeline.inference._frames.ahead = True
    for stamp_ns in (1, 2):
        node.pipeline.slot.put(ReceivedFrame(None, stamp_ns, stamp_ns))
    threading.Timer(0.5, hanging.set).start()  # the one that waits is cleared by then
    assert node.trigger_deactivate() == SUCCESS
    assert node.reporter._diagnostics.snapshot().frames_dropped == 2
    node.trigger_activate()
    assert node.reporter._diagnostics.snapshot().frames_dropped == 0
