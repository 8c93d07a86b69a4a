# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Detections as messages; those of vision_msgs against classes of its definitions.

vision_msgs is not installed here. The classes are made from its definitions, and refuse other
fields and types when serialising.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from rosbags.typesys import get_types_from_msg

from surgsam2_msgs.msg import Detection, DetectionArray
from surgsam2_ros.nodes.messages import detections
from surgsam2_ros.nodes.messages.detections import (
    detections_from_array,
    detections_from_vision,
    label_info,
    vision_classes,
    vision_detections,
)
from surgsam2_ros.sources.message_types import create_typestore
from surgsam2_ros.tracking import FrameResult, MaskCrop, Track, TrackState

DEFINITIONS = {
    'Point2D': 'float64 x\nfloat64 y',
    'Pose2D': 'vision_msgs/Point2D position\nfloat64 theta',
    'BoundingBox2D': 'vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y',
    'ObjectHypothesis': 'string class_id\nfloat64 score',
    'ObjectHypothesisWithPose': (
        'vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose'
    ),
    'Detection2D': (
        'std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n'
        'vision_msgs/BoundingBox2D bbox\nstring id'
    ),
    'Detection2DArray': 'std_msgs/Header header\nvision_msgs/Detection2D[] detections',
    'VisionClass': 'uint16 class_id\nstring class_name',
    'LabelInfo': ('std_msgs/Header header\nvision_msgs/VisionClass[] class_map\nfloat32 threshold'),
}


@pytest.fixture(scope='module')
def store():
    store = create_typestore()
    for name, text in DEFINITIONS.items():
        store.register(get_types_from_msg(text, f'vision_msgs/msg/{name}'))
    return store


@pytest.fixture
def classes(store, monkeypatch):
    types = store.types
    pose = types['geometry_msgs/msg/Pose'](
        types['geometry_msgs/msg/Point'](0.0, 0.0, 0.0),
        types['geometry_msgs/msg/Quaternion'](0.0, 0.0, 0.0, 1.0),
    )
    monkeypatch.setattr(
        detections,
        'PoseWithCovariance',
        lambda: types['geometry_msgs/msg/PoseWithCovariance'](pose, np.zeros(36)),
    )
    return {name: types[f'vision_msgs/msg/{name}'] for name in DEFINITIONS}


def header(store):
    stamp = store.types['builtin_interfaces/msg/Time'](sec=3, nanosec=4)
    return store.types['std_msgs/msg/Header'](stamp=stamp, frame_id='camera')


def result() -> FrameResult:
    """Return an object that is seen, and one that is not."""
    mask = np.zeros((20, 30), bool)
    mask[5:11, 4:14] = True
    seen, away = MaskCrop.of(mask), MaskCrop.empty((20, 30))
    logits = torch.zeros(1, 1)
    return FrameResult(
        0,
        mask.astype(np.uint8),
        (
            Track('left', 1, 'scissors', seen, logits, 0.75, 0.9, TrackState.TRACKED, 0),
            Track('right', 7, '', away, logits, 0.9, 0.1, TrackState.LOST, 9),
        ),
    )


def returned(store, name, message):
    """Send a message through its serialisation, which checks fields and types."""
    kind = f'vision_msgs/msg/{name}'
    return store.deserialize_cdr(store.serialize_cdr(message, kind), kind)


def test_a_detection_array_is_read_as_it_is():
    message = DetectionArray(image_width=640, image_height=480)
    message.header.stamp.sec, message.header.stamp.nanosec = 3, 4
    message.detections = [
        Detection(left=1.5, top=2.0, right=30.0, bottom=40.0, score=0.75, class_name='hook'),
        Detection(left=math.nan, right=-5.0),
    ]
    read = detections_from_array(message)
    assert (read.stamp_ns, read.image_size) == (3_000_000_004, (480, 640))
    good, bad = read.proposals
    assert (good.box, good.score, good.class_name) == ((1.5, 2.0, 30.0, 40.0), 0.75, 'hook')
    assert math.isnan(bad.box[0])


def test_no_more_of_a_flood_is_read_than_need_be():
    message = DetectionArray(detections=[Detection()] * (detections.MOST_READ + 10))
    assert len(detections_from_array(message).proposals) == detections.MOST_READ


def test_without_vision_msgs_there_is_no_bridge():
    assert vision_classes() is None


def test_tracks_are_boxes_with_ids(store, classes):
    made = returned(store, 'Detection2DArray', vision_detections(header(store), result(), classes))
    assert (made.header.stamp.sec, made.header.frame_id) == (3, 'camera')
    (one,) = made.detections
    assert one.id == 'left'
    assert (one.bbox.center.position.x, one.bbox.center.position.y) == (9.0, 8.0)
    assert (one.bbox.size_x, one.bbox.size_y, one.bbox.center.theta) == (10.0, 6.0, 0.0)
    (hypothesis,) = one.results
    assert hypothesis.hypothesis.class_id == 'scissors'
    assert hypothesis.hypothesis.score == pytest.approx(0.75)


def test_what_is_written_is_read_as_the_same_boxes(store, classes):
    made = vision_detections(header(store), result(), classes)
    read = detections_from_vision(returned(store, 'Detection2DArray', made))
    (one,) = read.proposals
    assert (read.stamp_ns, read.image_size) == (3_000_000_004, None)
    assert (one.box, one.score, one.class_name) == ((4.0, 5.0, 14.0, 11.0), 0.75, 'scissors')


def vision_box(classes, store, theta, hypotheses):
    centre = classes['Pose2D'](classes['Point2D'](50.0, 40.0), theta)
    results = [
        classes['ObjectHypothesisWithPose'](classes['ObjectHypothesis'](name, score), None)
        for name, score in hypotheses
    ]
    box = classes['BoundingBox2D'](centre, 20.0, 10.0)
    detection = classes['Detection2D'](header(store), results, box, '')
    return classes['Detection2DArray'](header(store), [detection])


def test_the_likeliest_hypothesis_counts(store, classes):
    message = vision_box(classes, store, 0.0, [('hook', 0.2), ('scissors', 0.7), ('clip', 0.1)])
    (one,) = detections_from_vision(message).proposals
    assert (one.class_name, one.score) == ('scissors', 0.7)


def test_a_box_without_a_hypothesis_is_believed(store, classes):
    (one,) = detections_from_vision(vision_box(classes, store, 0.0, [])).proposals
    assert (one.class_name, one.score) == ('', 1.0)


def test_a_turned_box_counts_as_the_upright_one_around_it(store, classes):
    message = vision_box(classes, store, math.pi / 2, [('hook', 0.9)])
    (one,) = detections_from_vision(message).proposals
    assert one.box == pytest.approx((45.0, 30.0, 55.0, 50.0))
    message = vision_box(classes, store, math.nan, [('hook', 0.9)])
    (one,) = detections_from_vision(message).proposals
    assert all(math.isnan(value) for value in one.box)


def test_values_of_the_label_image_have_the_objects_names(store, classes):
    made = label_info(header(store), {7: 'right', 1: 'left'}, classes)
    read = returned(store, 'LabelInfo', made)
    assert [(one.class_id, one.class_name) for one in read.class_map] == [(1, 'left'), (7, 'right')]
