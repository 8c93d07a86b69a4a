# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Overlays for Foxglove have the fields and types of foxglove_msgs, which is not installed here.

The classes are made from its definitions, and refuse other fields and types when serialising.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from recording_node import RecordingNode
from rosbags.typesys import get_types_from_msg

from surgsam2_ros.instrument_classes import InstrumentClasses
from surgsam2_ros.nodes.tracker.endpoints import annotations
from surgsam2_ros.nodes.tracker.endpoints.annotations import Annotations, make_annotations
from surgsam2_ros.sources.message_types import create_typestore
from surgsam2_ros.tracking import FrameResult, MaskCrop, Track, TrackState

DEFINITIONS = {
    'Point2': 'float64 x\nfloat64 y',
    'Color': 'float64 r\nfloat64 g\nfloat64 b\nfloat64 a',
    'CircleAnnotation': (
        'builtin_interfaces/Time timestamp\nfoxglove_msgs/Point2 position\nfloat64 diameter\n'
        'float64 thickness\nfoxglove_msgs/Color fill_color\nfoxglove_msgs/Color outline_color'
    ),
    'PointsAnnotation': (
        'builtin_interfaces/Time timestamp\nuint8 type\nfoxglove_msgs/Point2[] points\n'
        'foxglove_msgs/Color outline_color\nfoxglove_msgs/Color[] outline_colors\n'
        'foxglove_msgs/Color fill_color\nfloat64 thickness'
    ),
    'TextAnnotation': (
        'builtin_interfaces/Time timestamp\nfoxglove_msgs/Point2 position\nstring text\n'
        'float64 font_size\nfoxglove_msgs/Color text_color\nfoxglove_msgs/Color background_color'
    ),
    'ImageAnnotations': (
        'foxglove_msgs/CircleAnnotation[] circles\nfoxglove_msgs/PointsAnnotation[] points\n'
        'foxglove_msgs/TextAnnotation[] texts'
    ),
}


@pytest.fixture(scope='module')
def store():
    store = create_typestore()
    for name, text in DEFINITIONS.items():
        store.register(get_types_from_msg(text, f'foxglove_msgs/msg/{name}'))
    return store


@pytest.fixture
def classes(store):
    return {name: store.types[f'foxglove_msgs/msg/{name}'] for name in DEFINITIONS}


def header(store):
    stamp = store.types['builtin_interfaces/msg/Time'](sec=3, nanosec=4)
    return store.types['std_msgs/msg/Header'](stamp=stamp, frame_id='camera')


def result(state: TrackState = TrackState.TRACKED) -> FrameResult:
    """Return an object of two rectangles, and one that is not seen."""
    mask = np.zeros((20, 30), bool)
    mask[5:10, 4:9] = mask[5:10, 20:25] = True
    seen, away = MaskCrop.of(mask), MaskCrop.empty((20, 30))
    logits = torch.zeros(1, 1)
    return FrameResult(
        0,
        mask.astype(np.uint8),
        (
            Track('left', 1, '', seen, logits, 0.9, 0.9, state, 0),
            Track('right', 2, '', away, logits, 0.9, 0.1, TrackState.LOST, 9),
        ),
    )


def test_every_part_of_a_mask_is_outlined_in_pixels_of_the_image(store, classes):
    made = make_annotations(header(store), result(), classes)
    kind = 'foxglove_msgs/msg/ImageAnnotations'
    read = store.deserialize_cdr(store.serialize_cdr(made, kind), kind)
    corners = sorted(sorted((p.x, p.y) for p in outline.points) for outline in read.points)
    assert corners == [
        [(4, 5), (4, 9), (8, 5), (8, 9)],
        [(20, 5), (20, 9), (24, 5), (24, 9)],
    ]
    assert {outline.type for outline in read.points} == {2}, 'closed lines'
    assert [(text.text, text.position.x, text.position.y) for text in read.texts] == [
        ('left', 4, 5)
    ]
    assert {(one.timestamp.sec, one.timestamp.nanosec) for one in read.points} == {(3, 4)}


def test_an_object_that_is_not_to_be_acted_on_looks_so(store, classes):
    trusted, uncertain = (
        make_annotations(header(store), result(state), classes)
        for state in (TrackState.TRACKED, TrackState.UNCERTAIN)
    )
    assert uncertain.texts[0].text == 'left UNCERTAIN'
    assert uncertain.points[0].thickness < trusted.points[0].thickness


def test_outlines_and_names_have_the_colour_of_the_class(store, classes):
    found = result()
    seen = dataclasses.replace(found.tracks[0], class_name='scissors')
    found = dataclasses.replace(found, tracks=(seen, found.tracks[1]))
    known = InstrumentClasses({'scissors': (255, 51, 0)})
    made = make_annotations(header(store), found, classes, known)
    for colour in (made.points[0].outline_color, made.texts[0].background_color):
        assert (colour.r, colour.g, colour.b) == (1.0, 0.2, 0.0)


def test_they_are_published_only_where_the_package_is_and_somebody_listens(
    store, classes, monkeypatch
):
    node = RecordingNode()
    Annotations(node).publish(header(store), result())
    assert node.publishers == {}, 'foxglove_msgs is not installed'
    monkeypatch.setattr(
        annotations, 'load_message_class', lambda name: classes[name.rpartition('/')[2]]
    )
    made = Annotations(node)
    publisher = node.publishers['~/annotations']
    made.publish(header(store), result())
    assert publisher.messages == []
    publisher.subscribers = 1
    made.publish(header(store), result())
    assert len(publisher.messages) == 1
    made.destroy()
    assert node.publishers == {}
