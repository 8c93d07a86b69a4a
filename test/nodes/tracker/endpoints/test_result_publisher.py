# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tests of what is published for a frame, and of its latency."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from recording_node import RecordingNode
from sensor_msgs.msg import Image

from surgsam2_ros.nodes.tracker.endpoints.result_publisher import ResultPublisher, latency_ms
from surgsam2_ros.nodes.tracker.endpoints.topic_quality import TopicQuality
from surgsam2_ros.nodes.tracker.parameters import Parameters
from surgsam2_ros.streaming.frame_slot import ReceivedFrame
from surgsam2_ros.streaming.tracked_frame import TrackedFrame
from surgsam2_ros.tracking import FrameResult, MaskCrop, Track, TrackState

MS = 1_000_000
HOUR = 3600 * 1000 * MS


@pytest.fixture
def node():
    return RecordingNode()


@pytest.fixture
def results(node):
    return ResultPublisher(
        node,
        TopicQuality(print),
        Parameters.defaults().output,
        Parameters.defaults().discovery,
    )


def tracked_frame(result: FrameResult | None = None) -> TrackedFrame:
    message = Image()
    message.header.frame_id = 'camera'
    message.header.stamp.sec = 7
    result = result or FrameResult(3, np.zeros((4, 5), np.uint8), ())
    received = ReceivedFrame(message, stamp_ns=7000 * MS, received_ns=7010 * MS)
    return TrackedFrame(received, np.zeros((4, 5, 3), np.uint8), result, 2, 12.5, session=77)


def publish(results, result=None, **output):
    settings = dataclasses.replace(Parameters.defaults().output, **output)
    return results.publish(tracked_frame(result), settings, now_ns=7040 * MS, model='surgsam2_nano')


def track(instance, state, columns) -> Track:
    mask = np.zeros((4, 5), bool)
    mask[:, columns] = True
    crop = MaskCrop.of(mask)
    return Track(str(instance), instance, '', crop, torch.zeros(4, 4), 0.5, 0.9, state, 0)


def test_tracks_tell_latency_drops_and_model(node, results):
    assert publish(results) == pytest.approx(40.0)
    (tracks,) = node.publishers['~/tracks'].messages
    assert tracks.header == tracked_frame().received.message.header
    assert tracks.latency_ms == pytest.approx(40.0)
    assert tracks.inference_ms == pytest.approx(12.5)
    assert (tracks.frame_index, tracks.dropped_since_last, tracks.session) == (3, 2, 77)
    assert (tracks.image_width, tracks.image_height) == (5, 4)
    assert not tracks.latency_is_from_arrival
    assert tracks.model == 'surgsam2_nano'


def test_the_overlay_is_drawn_only_while_somebody_looks(node, results):
    overlay = node.publishers['~/overlay']
    publish(results)
    assert overlay.messages == []
    overlay.subscribers = 1
    publish(results)
    assert len(overlay.messages) == 1
    publish(results, overlay=False)
    assert len(overlay.messages) == 1


def test_the_overlay_has_the_colours_of_the_file_of_classes(node, tmp_path):
    file = tmp_path / 'classes.yaml'
    file.write_text('scissors: [250, 3, 7]')
    defaults = Parameters.defaults()
    output = dataclasses.replace(defaults.output, classes=str(file))
    results = ResultPublisher(node, TopicQuality(print), output, defaults.discovery)
    overlay = node.publishers['~/overlay']
    overlay.subscribers = 1
    seen = dataclasses.replace(track(1, TrackState.TRACKED, slice(0, 5)), class_name='scissors')
    found = FrameResult(3, np.ones((4, 5), np.uint8), (seen,))
    publish(results, found, overlay_labels=False)
    (message,) = overlay.messages
    drawn = np.array(message.data, np.uint8).reshape(4, 5, 3)
    assert tuple(drawn[0, 0]) == (250, 3, 7)


def test_a_file_of_classes_that_cannot_be_used_is_named_before_there_are_topics(node):
    defaults = Parameters.defaults()
    output = dataclasses.replace(defaults.output, classes='gone.yaml')
    with pytest.raises(ValueError, match=r'gone\.yaml does not exist'):
        ResultPublisher(node, TopicQuality(print), output, defaults.discovery)
    assert node.publishers == {}


def test_the_label_image_is_for_those_who_listen_and_can_be_turned_off(node, results):
    labels = node.publishers['~/label_image']
    publish(results)
    assert labels.messages == []
    labels.subscribers = 1
    publish(results)
    publish(results, label_image=False)
    assert len(labels.messages) == 1
    assert len(node.publishers['~/tracks'].messages) == 3


@pytest.mark.parametrize(
    ('label_uncertain', 'row'), [(True, [1, 1, 2, 2, 3]), (False, [1, 1, 1, 0, 0])]
)
def test_objects_that_are_not_to_be_acted_on_can_be_left_out(node, results, label_uncertain, row):
    tracks = (
        track(1, TrackState.TRACKED, slice(0, 3)),  # of its third column the next one has won
        track(2, TrackState.UNCERTAIN, slice(2, 4)),
        track(3, TrackState.TENTATIVE, slice(4, 5)),
    )
    labels = np.tile(np.array([1, 1, 2, 2, 3], np.uint8), (4, 1))
    node.publishers['~/label_image'].subscribers = 1
    publish(results, FrameResult(3, labels, tracks), label_uncertain=label_uncertain)
    (message,) = node.publishers['~/label_image'].messages
    assert list(message.data) == row * 4
    assert len(node.publishers['~/tracks'].messages[0].tracks) == 3
    assert (labels[0] == [1, 1, 2, 2, 3]).all(), 'what the overlay shows stays'


def test_destroy_removes_all_topics(node, results):
    results.destroy()
    assert node.publishers == {}


def test_latency_counts_from_the_stamp():
    received = ReceivedFrame(None, stamp_ns=HOUR, received_ns=HOUR + 10 * MS)
    assert latency_ms(received, HOUR + 45 * MS) == pytest.approx(45.0)


def test_latency_counts_from_arrival_when_the_stamp_is_of_another_clock():
    received = ReceivedFrame(None, stamp_ns=HOUR, received_ns=9 * HOUR)
    assert latency_ms(received, 9 * HOUR + 45 * MS) == pytest.approx(45.0)
    received = ReceivedFrame(None, stamp_ns=0, received_ns=9 * HOUR)
    assert latency_ms(received, 9 * HOUR + 45 * MS) == pytest.approx(45.0)
