# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Over DDS: what a detector publishes beside images becomes an object, and ends; events tell."""

from __future__ import annotations

import math
import threading
import time

import numpy as np
import pytest
from node_processes import STOP_TIMEOUT_S, make_header, running_node
from rclpy.event_handler import SubscriptionEventCallbacks
from std_msgs.msg import Header

from surgsam2_msgs.msg import Detection, DetectionArray, Event
from surgsam2_ros.live.demo_scenes import shipped_scene
from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.nodes.messages import qos
from surgsam2_ros.nodes.messages.images import make_rgb_image

PATIENCE_S = 60.0
SIZE = 180, 320
TISSUE = np.full((*SIZE, 3), (150, 80, 70), np.uint8)


@pytest.fixture(scope='module')
def scene():
    return shipped_scene(3, 2, SIZE, 30.0)


@pytest.fixture(scope='module')
def node(tmp_path_factory):
    parameters = {
        'model.device': 'cpu',
        'input.qos': 'DEFAULT',
        'diagnostics.period_s': 0.2,
        'discovery.source': 'external',
        'discovery.end_after_s': 1.0,
    }
    with running_node(tmp_path_factory.mktemp('discovery'), '/discovery', parameters) as running:
        running.client.configure()
        running.activate_and_wait()
        yield running
        assert running.process.stop(STOP_TIMEOUT_S) == 0


class Detector:
    """Publishes images and what is seen in them, and collects the node's decisions."""

    def __init__(self, node) -> None:
        self._node = node
        self._publisher = node.camera.publisher(DetectionArray, 'detections')
        self.events: list[Event] = []
        self._listener = NodeThread('listener')
        matched = threading.Event()
        self._listener.node.create_subscription(
            Event,
            f'{node.namespace}/surgsam2/events',
            self.events.append,
            qos.EVENTS,
            event_callbacks=SubscriptionEventCallbacks(matched=lambda _: matched.set()),
        )
        assert matched.wait(PATIENCE_S), 'a decision is told once, so it must be heard'
        deadline = time.monotonic() + PATIENCE_S
        while not self._publisher.get_subscription_count():
            assert time.monotonic() < deadline, 'nobody subscribes to detections'
            time.sleep(0.01)

    def close(self):
        self._listener.close()

    def show(self, rgb, *boxes, stamp_ns=None, size=SIZE, score=0.9):
        """Have an image tracked that something was detected in."""
        node = self._node
        header = node.camera.send_message(make_rgb_image(Header(), rgb))
        seen = [
            Detection(
                left=float(box[0]),
                top=float(box[1]),
                right=float(box[2]),
                bottom=float(box[3]),
                score=score,
                class_name='forceps',
            )
            for box in boxes
        ]
        message = DetectionArray(image_width=size[1], image_height=size[0], detections=seen)
        message.header = header if stamp_ns is None else make_header(stamp_ns)
        self._publisher.publish(message)
        return node.client.wait_for_tracks(stamp=header.stamp)

    def show_until(self, rgb, what, *boxes):
        """Show an image again and again until there is a decision of a kind; return that."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := [event for event in self.events if event.what == what]):
            assert time.monotonic() < deadline, f'no {what} in {self.events}'
            self.show(rgb, *boxes)
        return found[0]


@pytest.fixture
def detector(node):
    node.fresh()
    detector = Detector(node)
    yield detector
    detector.close()


def box_of(labels, value):
    rows, columns = np.nonzero(labels == value)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_a_detected_instrument_is_started_and_ends_when_it_has_left(detector, scene, node):
    rgb, labels = scene[0]
    start = detector.show_until(rgb, Event.START, box_of(labels, 1))
    assert start.object_id == 'found_1'
    assert start.header.frame_id.startswith('camera/optical_')
    assert 'detections agree' in start.why
    for _ in range(6):
        tracks = detector.show(rgb, box_of(labels, 1))
    (track,) = tracks.tracks
    assert (track.object_id, track.class_name) == ('found_1', 'forceps')
    truth = labels == 1
    mask = np.zeros(SIZE, bool)
    box = track.box
    crop = np.frombuffer(track.mask.data, np.uint8).reshape(box.height, box.width) > 0
    mask[box.y_offset : box.y_offset + box.height, box.x_offset : box.x_offset + box.width] = crop
    assert (mask & truth).sum() / (mask | truth).sum() > 0.6
    end = detector.show_until(TISSUE, Event.END)
    assert end.object_id == 'found_1'
    detector.show(TISSUE)
    assert detector.show(TISSUE).tracks == []


def test_what_an_operator_removes_is_left_alone(detector, scene, node):
    rgb, labels = scene[0]
    box = box_of(labels, 1)
    detector.show_until(rgb, Event.START, box)
    detector.show(rgb, box)
    node.client.remove_object('found_1')
    dismissed = detector.show_until(rgb, Event.DISMISS, box)
    assert dismissed.object_id == 'found_1'
    assert all(detector.show(rgb, box).tracks == [] for _ in range(8))


@pytest.mark.parametrize(
    ('shown', 'told'),
    [
        ({'boxes': [(math.nan, 0, 9, 9)]}, 'is not finite'),
        ({'boxes': [(400, 10, 500, 90)]}, 'holds nothing of the 320x180 image'),
        ({'boxes': [(10, 10, 90, 90)], 'size': (1080, 1920)}, 'they are for an image of 1920x1080'),
        ({'boxes': [(10, 10, 90, 90)], 'score': 7.0}, 'score 7 is not in 0 to 1'),
        ({'boxes': [(10, 10, 90, 90)], 'stamp_ns': 5}, 'older than the frames kept'),
        ({'boxes': [(i % 99, 5, i % 99 + 40, 60) for i in range(3000)]}, 'more than 300'),
    ],
    ids=['nan', 'outside', 'size', 'score', 'stamp', 'flood'],
)
def test_bad_detections_are_named_and_do_no_harm(detector, node, shown, told):
    boxes = shown.pop('boxes')
    detector.show(TISSUE, *boxes, **shown)
    # What arrives after the last image is looked at with the next one: a camera goes on.
    deadline = time.monotonic() + PATIENCE_S
    while told not in node.client.wait_for_status().message:
        assert time.monotonic() < deadline, f'nobody was told that {told}'
        assert detector.show(TISSUE).tracks == []
    assert detector.show(TISSUE).tracks == []
