# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tests of what an active node makes of a stream of images: headers, counts, bad input, topics."""

from __future__ import annotations

import contextlib
import time

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from node_processes import (
    FRAME_NS,
    HEIGHT,
    STOP_TIMEOUT_S,
    WIDTH,
    Camera,
    make_header,
    running_node,
    write_random_checkpoint,
)
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image

from surgsam2_ros.nodes.client import SurgSam2Error
from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.nodes.messages import qos

BOX = (20, 30, 50, 60)


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp('weights')
    return write_random_checkpoint(folder / 'random.safetensors')


@pytest.fixture(scope='module')
def shared_node(tmp_path_factory, checkpoint):
    parameters = {
        'model.checkpoint': checkpoint,
        'model.device': 'cpu',
        'input.qos': 'DEFAULT',
        'diagnostics.period_s': 0.2,
    }
    with running_node(tmp_path_factory.mktemp('streaming'), '/streaming', parameters) as node:
        node.client.configure()
        node.activate_and_wait()
        yield node
        assert node.process.stop(STOP_TIMEOUT_S) == 0


@pytest.fixture
def node(shared_node):
    return shared_node.fresh()


class Listener:
    """Collects the messages of one topic."""

    def __init__(self, message_type: type, topic: str, profile) -> None:
        self.messages = []
        self._owner = NodeThread('listener')
        self.subscription = self._owner.node.create_subscription(
            message_type, topic, self.messages.append, profile
        )

    def wait(self, condition, timeout_s: float = 30.0):
        """Wait for a message that fulfils a condition, and return it."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for message in list(self.messages):
                if condition(message):
                    return message
            time.sleep(0.02)
        raise AssertionError(f'{len(self.messages)} messages came, none as wanted')

    def close(self) -> None:
        self._owner.close()


@pytest.fixture
def listen():
    listeners = []

    def start(*arguments) -> Listener:
        listeners.append(Listener(*arguments))
        return listeners[-1]

    yield start
    for listener in listeners:
        listener.close()


def test_every_output_carries_exactly_the_header_of_its_image(node, listen):
    labels = listen(Image, f'{node.namespace}/surgsam2/label_image', qos.LABEL_IMAGE)
    overlays = listen(Image, f'{node.namespace}/surgsam2/overlay', qos.OVERLAY)
    instance = node.add_while_sending('a', box=BOX)
    deadline = time.monotonic() + 30.0
    while True:  # until the node has found both listeners
        header = node.camera.send()
        tracks = node.client.wait_for_tracks(stamp=header.stamp)
        if (labels.messages and overlays.messages) or time.monotonic() > deadline:
            break
        time.sleep(FRAME_NS / 1e9)  # else stamps run ahead of the clock
    assert tracks.header == header
    label = labels.wait(lambda message: message.header == header)
    overlay = overlays.wait(lambda message: message.header == header)
    assert (label.encoding, label.height, label.width) == ('mono8', HEIGHT, WIDTH)
    assert (overlay.encoding, overlay.height, overlay.width) == ('rgb8', HEIGHT, WIDTH)
    values = set(np.frombuffer(label.data, np.uint8).tolist())
    assert values <= {0, instance}
    (track,) = tracks.tracks
    assert np.count_nonzero(label.data) == track.area
    assert track.mask.header == header
    assert (track.mask.width, track.mask.height) == (track.box.width, track.box.height)


def test_images_without_objects_give_results_too(node):
    first, second = node.track(), node.track()
    assert first.tracks == second.tracks == []
    assert second.frame_index == first.frame_index + 1
    assert second.model == 'surgsam2_nano_320'
    assert second.inference_ms > 0.0


def test_no_frame_is_missing_from_the_counts(node):
    node.add_while_sending('a', box=BOX)
    node.track()
    node.client.forget_tracks()
    for _ in range(30):
        last = node.camera.send()
        time.sleep(0.005)
    node.client.wait_for_tracks(stamp=last.stamp)
    tracks = node.client.tracks
    assert len(tracks) + sum(t.dropped_since_last for t in tracks) == 30
    assert len(tracks) < 30
    status = node.client.wait_for_status(lambda s: s.header.frame_id == last.frame_id)
    assert status.frames_received == status.frames_processed + status.frames_dropped


@pytest.mark.parametrize('resets', [False, True])
def test_stamps_that_jump_back_forget_the_objects_only_where_wanted(node, resets):
    node.client.set_parameters({'input.reset_on_jump': resets})
    try:
        node.add_while_sending('a', box=BOX)
        before = node.track().frame_index
        stamp_ns = node.camera.stamp_ns - 20_000_000_000
        for number in range(30):  # the clock is believed when three images agree
            header = node.camera.send(stamp_ns=stamp_ns + number * FRAME_NS)
            with contextlib.suppress(SurgSam2Error):
                tracks = node.client.wait_for_tracks(stamp=header.stamp, timeout_s=0.5)
                break
        assert [track.object_id for track in tracks.tracks] == ([] if resets else ['a'])
        assert tracks.frame_index <= number - 2 if resets else tracks.frame_index > before
        node.client.wait_for_status(lambda s: 'jumped back by' in s.message)
    finally:
        node.client.set_parameters({'input.reset_on_jump': False})


def test_a_dead_camera_is_told_in_the_status_and_forgotten_when_it_comes_back(node):
    node.client.set_parameters({'input.timeout_s': 0.5})
    try:
        node.track()
        status = node.client.wait_for_status(lambda s: 'no image on' in s.message)
        assert f'no image on {node.namespace}/image for ' in status.message
        assert '1 publisher, but nothing comes; check the camera' in status.message
        # Long enough for the problems of earlier tests, which are shown for 5 s, to be forgotten.
        node.client.set_parameters({'input.timeout_s': 30.0})
        node.track()
        node.client.wait_for_status(lambda s: s.message.startswith('tracking'))
    finally:
        node.client.set_parameters({'input.timeout_s': 2.0})


def test_latency_follows_the_simulated_clock(node):
    node.track()
    now_ns = node.camera.stamp_ns + 1_000_000_000
    node.client.set_parameters({'use_sim_time': True})
    try:
        now = make_header(now_ns).stamp
        clock = node.camera.publisher(Clock, '/clock')
        deadline = time.monotonic() + 30.0
        while node.client.wait_for_status().header.stamp != now:
            assert time.monotonic() < deadline
            clock.publish(Clock(clock=now))  # again: the node may not have found us yet
            time.sleep(0.1)
        header = node.camera.send(stamp_ns=now_ns - 40_000_000)
        tracks = node.client.wait_for_tracks(stamp=header.stamp)
        assert tracks.latency_ms == pytest.approx(40.0)
    finally:
        node.client.set_parameters({'use_sim_time': False})


@pytest.mark.parametrize(
    ('image', 'reason'),
    [
        (Image(height=2, width=2, step=6, encoding='rgb9', data=bytes(12)), "'rgb9'"),
        (Image(height=2, width=9, step=6, encoding='rgb8', data=bytes(12)), 'step'),
        (Image(height=9, width=2, step=6, encoding='rgb8', data=bytes(12)), '12'),
        (Image(encoding='rgb8'), 'empty'),
    ],
)
def test_a_bad_image_is_reported_and_counted_and_costs_no_object(node, image, reason):
    node.add_while_sending('a', box=BOX)
    node.camera.send_message(image)
    node.client.wait_for_status(lambda s: 'image was not read' in s.message and reason in s.message)
    tracks = node.track()
    assert [track.object_id for track in tracks.tracks] == ['a']
    assert tracks.dropped_since_last == 1


def test_diagnostics_tell_rate_latency_drops_and_device(node, listen):
    diagnostics = listen(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS)
    node.track()
    message = diagnostics.wait(lambda m: m.status[0].name == f'{node.namespace}/surgsam2: tracking')
    values = {item.key: item.value for item in message.status[0].values}
    assert values['device'] == 'cpu'
    assert values['lifecycle_state'] == 'active'
    assert float(values['rate_hz']) > 0.0
    assert float(values['latency_ms_p50']) > 0.0
    assert int(values['frames_dropped']) >= 0
    node.camera.send_message(Image(encoding='rgb8'))
    message = diagnostics.wait(lambda m: 'image was not read' in m.status[0].message)
    assert message.status[0].level in (DiagnosticStatus.WARN, DiagnosticStatus.ERROR)


def warns_of_two(message: DiagnosticArray) -> bool:
    """Whether it does; an error of the test before may be told for some seconds still."""
    (status,) = message.status
    return '2 publi' in status.message and status.level == DiagnosticStatus.WARN


def test_two_cameras_on_one_topic_are_a_warning_and_make_no_gaps(node, listen):
    node.add_while_sending('a', box=BOX)
    diagnostics = listen(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS)
    other = Camera(node.namespace)
    try:
        deadline = time.monotonic() + 30.0
        while not (told := [m for m in diagnostics.messages if warns_of_two(m)]):
            assert time.monotonic() < deadline
            for camera in (node.camera, other):
                camera.stamp_ns = max(node.camera.stamp_ns, other.stamp_ns)
                tracks = node.client.wait_for_tracks(stamp=camera.send().stamp)
                assert tracks.dropped_since_last == 0
        assert told[0].status[0].message.count('/camera_') == 2
    finally:
        other.close()


def test_compressed_images_are_tracked_and_broken_ones_reported(tmp_path, checkpoint):
    parameters = {
        'model.checkpoint': checkpoint,
        'model.device': 'cpu',
        'input.qos': 'DEFAULT',
        'input.transport': 'compressed',
    }
    with running_node(tmp_path, '/compressed', parameters) as node:
        node.client.configure()
        node.client.activate()
        node.client.follow_tracks()
        header = node.camera.send_jpeg()
        assert node.client.wait_for_tracks(stamp=header.stamp).header == header
        node.camera.send_jpeg(b'\xff\xd8\xff\xe0 cut off')
        node.client.wait_for_status(lambda s: 'image was not read' in s.message)
        header = node.camera.send_jpeg()
        assert node.client.wait_for_tracks(stamp=header.stamp).dropped_since_last == 1
