# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A device that hangs or is lost is told, and the node recovers, leaves ACTIVE or ends."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator

import pytest

pytest.importorskip('rclpy')

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from node_processes import Camera, RunningNode, write_random_checkpoint
from processes import TestProcess

from surgsam2_ros.nodes.client import NodeState, SurgSam2Client
from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.nodes.messages import qos

# A node whose device does what a file says.
CODE = """
import sys, time
from pathlib import Path
from surgsam2_ros.tracking import StreamingTracker

fault, track = Path(sys.argv[1]), StreamingTracker.track

def track_unless_faulty(self, rgb, stamp_ns=None, **settings):
    while fault.exists() and fault.read_text() == 'hang':
        time.sleep(0.05)
    if fault.exists() and fault.read_text() == 'lost':
        raise RuntimeError('CUDA error: an illegal memory access was encountered')
    return track(self, rgb, stamp_ns, **settings)

StreamingTracker.track = track_unless_faulty
from surgsam2_ros.nodes.tracker.__main__ import main
sys.exit(main())
"""
PARAMETERS = {
    'model.device': 'cpu',
    'input.qos': 'DEFAULT',
    'input.timeout_s': 600.0,
    'diagnostics.period_s': 0.2,
    'diagnostics.max_silence_s': 0.5,
}


@pytest.fixture
def fault(tmp_path):
    return tmp_path / 'fault'


@pytest.fixture
def start(tmp_path, fault, ros_namespace):
    """Give a function that runs an active node for the length of a block."""
    namespace = f'{ros_namespace}_{os.getpid()}'
    weights = write_random_checkpoint(tmp_path / 'random.safetensors')

    @contextlib.contextmanager
    def start(**parameters) -> Iterator[RunningNode]:
        command = [sys.executable, '-c', CODE, str(fault), '--ros-args', '-r', f'__ns:={namespace}']
        for name, value in {**PARAMETERS, 'model.checkpoint': weights, **parameters}.items():
            command += ['-p', f'{name}:={value}']
        process = TestProcess(command, tmp_path / 'node.log', name='surgsam2_node')
        client, camera = SurgSam2Client(f'{namespace}/surgsam2', timeout_s=40.0), Camera(namespace)
        node = RunningNode(process, client, camera, namespace)
        try:
            client.configure()
            node.activate_and_wait()
            yield node
        finally:
            client.close()
            camera.close()
            process.stop()
            print(process.output)

    return start


@pytest.fixture
def node(start):
    """Give an active node."""
    with start() as node:
        yield node


@pytest.fixture
def reports():
    """Give the list of what comes on /diagnostics."""
    owner = NodeThread('listener')
    received = []
    owner.node.create_subscription(
        DiagnosticArray, '/diagnostics', received.append, qos.DIAGNOSTICS
    )
    yield received
    owner.close()


def test_a_hang_is_told_and_forgotten_when_it_ends_and_ends_the_process_where_wanted(
    node, fault, reports
):
    fault.write_text('hang')
    stamp = node.camera.send().stamp
    of_the_image = f'the image of stamp {stamp.sec}.{stamp.nanosec:09d} has been in work for '
    node.client.wait_for_status(lambda status: of_the_image in status.message)
    assert node.client.state() is NodeState.ACTIVE
    deadline = time.monotonic() + 20.0
    while not any(
        of_the_image in status.message and status.level == DiagnosticStatus.ERROR
        for message in reports
        for status in message.status
    ):
        assert time.monotonic() < deadline
        time.sleep(0.02)

    fault.unlink()
    node.client.wait_for_tracks(stamp=stamp)
    node.process.wait_for_output('came to an end after')
    node.track()
    node.client.wait_for_status(lambda status: status.message.startswith('tracking'))

    node.client.set_parameters({'diagnostics.exit_on_hang': True})
    fault.write_text('hang')
    node.camera.send()
    assert node.process.wait(30.0) == 70


def test_a_lost_device_makes_the_node_leave_active_and_say_why(node, fault):
    fault.write_text('lost')
    node.camera.send()
    status = node.client.wait_for_status(lambda s: s.lifecycle_state == NodeState.FINALIZED)
    assert 'the device was lost' in status.message
    assert 'illegal memory access' in status.message
    assert 'restart the process' in status.message
    assert node.client.state() is NodeState.FINALIZED


@pytest.mark.slow
def test_a_lost_device_ends_the_process_where_wanted_and_the_next_one_has_the_objects(
    start, fault, tmp_path
):
    parameters = {
        'diagnostics.exit_on_hang': 'true',
        'restart.snapshot_file': tmp_path / 'node.snapshot',
        'restart.snapshot_period_s': 0.0,
        'restart.max_age_s': 600.0,  # of a machine that has other things to do
    }
    with start(**parameters) as node:
        node.add_while_sending('needle_driver', box=(20, 30, 50, 60))
        node.track()
        fault.write_text('lost')
        node.camera.send()
        assert node.process.wait(30.0) == 70
        assert 'the device was lost' in node.process.output
    fault.unlink()
    with start(**parameters) as node:
        assert [t.object_id for t in node.track().tracks] == ['needle_driver']
