# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Launch files start real processes that do their work."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import launch_entities
import pytest
from launch_entities import (
    Command,
    GroupAction,
    IncludeLaunchDescription,
    LaunchDescription,
    LaunchError,
    PushROSNamespace,
    PythonLaunchDescriptionSource,
)
from launch_stand_in import resolve, resolve_description
from processes import TestProcess
from repository import REPO

pytest.importorskip('rclpy')
node_processes = pytest.importorskip('node_processes')

from surgsam2_ros.nodes.client import NodeState, SurgSam2Client  # noqa: E402
from surgsam2_ros.sources import BagWriter  # noqa: E402

LAUNCH = REPO / 'launch'
TIMEOUT_S = 90.0
# Drives a launch file with the real launch, as `ros2 launch FILE name:=value …` does.
REAL_LAUNCH = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
arguments = [argument.split(':=', 1) for argument in sys.argv[2:]]
source = PythonLaunchDescriptionSource(sys.argv[1])
service = LaunchService()
service.include_launch_description(
    LaunchDescription([IncludeLaunchDescription(source, launch_arguments=arguments)])
)
sys.exit(service.run())
"""


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory) -> Path:
    """Give weights that see every object; launching does not depend on trained ones."""
    return node_processes.write_random_checkpoint(
        tmp_path_factory.mktemp('model') / 'random.safetensors'
    )


@pytest.fixture
def bag(tmp_path) -> Path:
    """Write a bag of 12 images at 10 Hz."""
    path = tmp_path / 'scene.mcap'
    with BagWriter(path) as writer:
        for number in range(12):
            image = node_processes.scene(number)
            stamp_ns = 1_700_000_000_000_000_000 + number * 100_000_000
            writer.write_image(
                '/camera/image', image, stamp_ns=stamp_ns, frame_id='camera', encoding='rgb8'
            )
    return path


@pytest.fixture
def launch(start_process, tmp_path) -> Callable[..., dict[str, TestProcess]]:
    """Give a function that launches a file through the stand-in; returns its processes by name."""

    def start(file: str, **arguments: str) -> dict[str, TestProcess]:
        try:
            commands: list[Command] = resolve(LAUNCH / file, arguments, tmp_path)
        except LaunchError as error:
            if 'libexec' in str(error):
                pytest.skip(f'surgsam2_ros is not installed: {error}')
            raise
        return {c.name: start_process(c.argv, name=c.name, env=c.env) for c in commands}

    return start


@pytest.fixture
def client(ros_namespace) -> Iterator[SurgSam2Client]:
    """Give a client of the node in this test's namespace."""
    with SurgSam2Client(f'{ros_namespace}/surgsam2', timeout_s=TIMEOUT_S) as client:
        yield client


def wait_until_active(client: SurgSam2Client, process: TestProcess) -> None:
    status = client.wait_for_status(lambda s: s.lifecycle_state == s.ACTIVE)
    assert process.running
    assert status.model


def test_the_launched_node_becomes_active_and_tracks(launch, client, ros_namespace, checkpoint):
    topic = f'{ros_namespace}/endoscope/image_raw'
    process = launch(
        'surgsam2.launch.py',
        namespace=ros_namespace,
        image_topic=topic,
        checkpoint=str(checkpoint),
        device='cpu',
    )['surgsam2']
    wait_until_active(client, process)
    status = client.wait_for_status()
    assert status.input_topic == topic
    assert status.checkpoint == str(checkpoint)
    assert status.device == 'cpu'
    camera = node_processes.Camera(f'{ros_namespace}/endoscope')
    try:
        client.follow_tracks()
        from sensor_msgs.msg import Image

        camera.publisher(Image, 'image_raw')
        deadline = time.monotonic() + TIMEOUT_S
        while not client.tracks:
            assert time.monotonic() < deadline, process.output
            header = camera.next_header()
            image = node_processes.make_rgb_image(header, node_processes.scene())
            camera.publisher(Image, 'image_raw').publish(image)
            time.sleep(0.2)
    finally:
        camera.close()
    assert client.tracks[-1].header.frame_id.startswith('camera')
    assert process.stop() == 0


def test_without_autostart_the_node_waits_for_a_manager(launch, client, ros_namespace, checkpoint):
    process = launch(
        'surgsam2.launch.py',
        namespace=ros_namespace,
        checkpoint=str(checkpoint),
        device='cpu',
        autostart='false',
    )['surgsam2']
    assert client.state() == NodeState.UNCONFIGURED
    client.configure()
    client.activate()
    assert client.state() == NodeState.ACTIVE
    assert process.stop() == 0


def test_replay_plays_a_bag_into_the_node(launch, client, ros_namespace, checkpoint, bag):
    client.follow_tracks()
    processes = launch(
        'replay.launch.py',
        bag=str(bag),
        image_topic='/camera/image',
        namespace=ros_namespace,
        checkpoint=str(checkpoint),
        device='cpu',
    )
    assert processes['player'].wait(TIMEOUT_S) == 0
    # The status may come while the first image is still in work.
    received = client.wait_for_status(lambda s: s.frames_received > 0 and client.tracks)
    assert received.frames_received <= 12
    stamps = [t.header.stamp.sec for t in client.tracks]
    assert stamps and set(stamps) <= {1_700_000_000, 1_700_000_001}
    assert processes['surgsam2'].stop() == 0


def test_rviz_listens_to_the_node_below_a_pushed_namespace(tmp_path, monkeypatch):
    """ROS itself tells what the remappings of RViz lead to."""
    import rclpy

    monkeypatch.setattr(launch_entities, 'find_executable', lambda package, name: name)
    include = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(LAUNCH / 'surgsam2.launch.py')),
        launch_arguments=[('namespace', 'left'), ('rviz', 'true'), ('image_topic', '/camera')],
    )
    group = GroupAction([PushROSNamespace('robot'), include])
    node, rviz = resolve_description(LaunchDescription([group]), {}, tmp_path)
    context = rclpy.Context()
    rclpy.init(context=context)
    try:
        listener = rclpy.create_node('rviz2', context=context, cli_args=rviz.argv[1:])
        shown = {n: listener.resolve_topic_name(n) for n in ('/surgsam2/overlay', '/image')}
        listener.destroy_node()
    finally:
        rclpy.try_shutdown(context=context)
    assert shown == {'/surgsam2/overlay': f'{node.namespace}/surgsam2/overlay', '/image': '/camera'}


def test_a_checkpoint_that_is_not_there_fails_the_launch(start_process, tmp_path, ros_namespace):
    arguments = {'namespace': ros_namespace, 'checkpoint': '/nowhere.pt', 'device': 'cpu'}
    (command,) = resolve(LAUNCH / 'surgsam2.launch.py', arguments, tmp_path)
    process = start_process(command.argv, name=command.name, env=command.env)
    status = process.wait(TIMEOUT_S)
    assert status == os.EX_CONFIG
    assert '/nowhere.pt' in process.output
    with pytest.raises(RuntimeError, match='could not start'):
        command.exited(status)


@pytest.fixture
def real_launch(start_process, ros_namespace) -> Callable[..., TestProcess]:
    """Give a function that starts surgsam2.launch.py with launch itself."""
    pytest.importorskip('launch_ros.actions', reason='launch_ros is not installed')

    def start(**arguments: object) -> TestProcess:
        given = {'namespace': ros_namespace, 'device': 'cpu', **arguments}
        command = [sys.executable, '-c', REAL_LAUNCH, LAUNCH / 'surgsam2.launch.py']
        command += [f'{name}:={value}' for name, value in given.items()]
        return start_process(command, name='launch')

    return start


def test_the_real_launch_runs_the_same_file(real_launch, client, checkpoint):
    process = real_launch(checkpoint=checkpoint)
    wait_until_active(client, process)
    assert process.stop(timeout=30) == 0


@pytest.mark.parametrize(
    ('mistake', 'line'),
    [
        ({'params_file': '/no.yaml'}, "params_file '/no.yaml' is not a file"),
        ({'checkpoint': '/nowhere.pt'}, 'could not start; its last lines say why'),
    ],
)
def test_the_real_launch_fails_with_a_node_that_cannot_start(real_launch, mistake, line):
    process = real_launch(**mistake)
    assert process.wait(TIMEOUT_S) == 1
    assert line in process.output
