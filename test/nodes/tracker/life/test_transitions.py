# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A transition that takes long keeps nobody waiting: the node says what it does meanwhile."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

rclpy = pytest.importorskip('rclpy')

from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402

from surgsam2_ros.nodes.client import NodeState, SurgSam2Client, SurgSam2Error  # noqa: E402
from surgsam2_ros.nodes.client.node_thread import NodeThread  # noqa: E402
from surgsam2_ros.nodes.messages import cv_bridge_fallback, qos  # noqa: E402
from surgsam2_ros.nodes.tracker import pipeline as pipeline_module  # noqa: E402
from surgsam2_ros.nodes.tracker.life.spinning import spin  # noqa: E402
from surgsam2_ros.nodes.tracker.node import SurgSam2Node  # noqa: E402
from surgsam2_ros.nodes.tracker.tracker_loading import LoadedTracker  # noqa: E402


class Loading:
    """The loading of a network that lasts until the test lets it go."""

    def __init__(self) -> None:
        self.begun, self.released = threading.Event(), threading.Event()
        engine = SimpleNamespace(name='torch')
        self._loaded = LoadedTracker(
            MagicMock(), 'nano', 'nano.safetensors', 'cpu', 'fp32', engine, []
        )

    def load(self, *_arguments) -> LoadedTracker:
        self.begun.set()
        assert self.released.wait(120)
        return self._loaded


@pytest.fixture(name='loading')
def _loading(monkeypatch) -> Loading:
    loading = Loading()
    monkeypatch.setattr(pipeline_module, 'load_tracker', loading.load)
    return loading


@pytest.fixture(name='node')
def _node(loading, ros_namespace):
    """Give a node that is spun as in its process."""
    context = rclpy.Context()
    rclpy.init(context=context, args=['--ros-args', '-p', 'diagnostics.period_s:=0.1'])
    node = SurgSam2Node(context=context, namespace=ros_namespace)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    thread = threading.Thread(target=spin, args=(executor, node.reporter.report_exception))
    thread.start()
    yield node
    loading.released.set()
    rclpy.shutdown(context=context)
    thread.join()
    node.close()
    executor.shutdown()
    node.destroy_node()


@pytest.fixture(name='client')
def _client(node):
    with SurgSam2Client(node.get_fully_qualified_name(), timeout_s=20.0) as client:
        yield client


@pytest.fixture(name='configuring')
def _configuring(client, loading):
    """Give the answer to a configure that is under way."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.configure)
        assert loading.begun.wait(30)
        yield answer
        loading.released.set()


def test_the_state_is_told_while_the_network_is_loaded(client, loading, configuring):
    assert client.state() is NodeState.CONFIGURING
    loading.released.set()
    configuring.result(30)
    assert client.state() is NodeState.INACTIVE


def test_status_and_diagnostics_go_on_while_the_network_is_loaded(client, node, configuring):
    reports = []
    owner = NodeThread('listener')
    owner.node.create_subscription(DiagnosticArray, '/diagnostics', reports.append, qos.DIAGNOSTICS)
    try:
        first = client.wait_for_status(lambda status: status.message == 'configuring')
        client.wait_for_status(lambda status: status.header.stamp != first.header.stamp)
        deadline = time.monotonic() + 20.0
        while not any('configuring' in m.status[0].message for m in reports):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        owner.close()


def test_a_second_transition_is_refused_and_the_first_goes_on(client, loading, configuring):
    with pytest.raises(SurgSam2Error, match='did not clean up: it is configuring, ask again'):
        client.cleanup()
    loading.released.set()
    configuring.result(30)


def test_a_pause_is_refused_while_the_state_changes(client, loading, configuring):
    with pytest.raises(SurgSam2Error, match='changes its state; ask again'):
        client.enable(False)
    loading.released.set()
    configuring.result(30)
    client.enable(False)


def test_what_the_network_is_built_from_cannot_change_meanwhile(client, configuring):
    with pytest.raises(SurgSam2Error, match='clean up the node first'):
        client.set_parameters({'model.device': 'auto'})


def test_requests_expire_while_a_deactivation_waits_for_the_image_in_work(client, node, loading):
    loading.released.set()
    client.configure()
    client.activate()
    client.set_parameters({'tracking.prompt_timeout_s': 0.3})
    hangs, released = threading.Event(), threading.Event()

    def hang(_tracker) -> None:
        hangs.set()
        released.wait(60)

    node.pipeline.requests.submit_call(hang, timeout_s=60.0)
    assert hangs.wait(30)
    with ThreadPoolExecutor(1) as pool:
        deactivation = pool.submit(client.deactivate)
        client.wait_for_status(lambda status: status.message == 'deactivating')
        with pytest.raises(SurgSam2Error, match=r'did not answer within 0\.3 s'):
            client.list_objects()
        assert not deactivation.done()
        released.set()
        deactivation.result(30)


def test_the_installed_cv_bridge_is_tried_out_while_configuring(client, loading):
    tried = cv_bridge_fallback.has_sound_cv_bridge
    tried.cache_clear()
    loading.released.set()
    client.configure()
    assert tried.cache_info().currsize == 1
