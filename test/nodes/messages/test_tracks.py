# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Results as TrackArray messages, against masks whose geometry is known by construction."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('surgsam2_msgs.msg')
import torch
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header

from surgsam2_msgs.msg import Track as TrackMessage
from surgsam2_msgs.msg import TrackArray
from surgsam2_ros.nodes.messages.tracks import make_track_array
from surgsam2_ros.tracking import FrameResult, MaskCrop, Track, TrackState

HEADER = Header(frame_id='endoscope_left')
HEADER.stamp.sec, HEADER.stamp.nanosec = 1_700_000_000, 999_999_999


def make_track(mask: np.ndarray, *, instance: int = 1, **values) -> Track:
    fields = {
        'object_id': f'object_{instance}',
        'class_name': 'needle_driver',
        'logits': torch.zeros(4, 4),
        'score': 0.75,
        'presence': 0.5,
        'state': TrackState.TRACKED,
        'frames_since_seen': 0,
    }
    return Track(crop=MaskCrop.of(mask), instance=instance, **{**fields, **values})


def make_message(*tracks: Track, **options) -> TrackArray:
    result = FrameResult(7, np.zeros((20, 30), np.uint8), tracks)
    return make_track_array(
        HEADER,
        result,
        session=1_700_000_000_000_000_000,
        dropped_since_last=3,
        latency_ms=41.5,
        inference_ms=20.25,
        model='surgsam2_nano',
        **options,
    )


@pytest.fixture
def rectangle() -> np.ndarray:
    mask = np.zeros((20, 30), bool)
    mask[4:10, 5:17] = True
    return mask


def test_frame_without_objects_has_a_message():
    message = make_message()
    assert message.header == HEADER
    assert (message.frame_index, message.dropped_since_last) == (7, 3)
    assert (message.image_width, message.image_height) == (30, 20)
    assert message.session == 1_700_000_000_000_000_000
    assert (message.latency_ms, message.inference_ms) == (41.5, 20.25)
    assert message.model == 'surgsam2_nano'
    assert list(message.tracks) == []


def test_fields_of_a_track(rectangle):
    track = make_message(make_track(rectangle, instance=254)).tracks[0]
    assert (track.object_id, track.class_name, track.instance) == (
        'object_254',
        'needle_driver',
        254,
    )
    assert (track.score, track.presence, track.state) == (0.75, 0.5, TrackMessage.TRACKED)
    assert (track.box.x_offset, track.box.y_offset, track.box.width, track.box.height) == (
        5,
        4,
        12,
        6,
    )
    assert (track.centroid.x, track.centroid.y) == (10.5, 6.5)
    assert track.area == 72


@pytest.mark.parametrize('state', TrackState)
def test_states_have_the_values_of_the_message(rectangle, state):
    track = make_message(make_track(rectangle, state=state)).tracks[0]
    assert track.state == getattr(TrackMessage, state.name)


def test_empty_mask_has_no_geometry():
    lost = make_track(np.zeros((20, 30), bool), state=TrackState.LOST, frames_since_seen=40)
    track = make_message(lost, with_contours=True).tracks[0]
    assert (track.area, track.box.width, track.box.height, track.frames_since_seen) == (0, 0, 0, 40)
    assert math.isnan(track.centroid.x) and math.isnan(track.centroid.y)
    assert len(track.mask.data) == 0 and len(track.contour) == 0


def test_mask_is_cropped_to_the_box(rectangle):
    rectangle[4, 5] = False
    mask = make_message(make_track(rectangle)).tracks[0].mask
    assert (mask.encoding, mask.height, mask.width, mask.step) == ('mono8', 6, 12, 12)
    assert mask.header == HEADER
    pixels = np.frombuffer(mask.data, np.uint8).reshape(6, 12)
    np.testing.assert_array_equal(pixels, np.where(rectangle[4:10, 5:17], 255, 0))


def test_masks_and_contours_are_left_out_on_request(rectangle):
    track = make_message(make_track(rectangle), with_masks=False).tracks[0]
    assert len(track.mask.data) == 0 and len(track.contour) == 0


def test_contour_follows_the_largest_part(rectangle):
    rectangle[15:17, 20:22] = True
    contour = make_message(make_track(rectangle), with_contours=True).tracks[0].contour
    corners = {(point.x, point.y) for point in contour}
    assert corners == {(5.0, 4.0), (5.0, 9.0), (16.0, 9.0), (16.0, 4.0)}


def test_tracks_are_ordered_by_instance(rectangle):
    tracks = [make_track(rectangle, instance=instance) for instance in (3, 1, 2)]
    assert [track.instance for track in make_message(*tracks).tracks] == [1, 2, 3]


def test_message_survives_serialisation(rectangle):
    message = make_message(make_track(rectangle), with_contours=True)
    assert deserialize_message(serialize_message(message), TrackArray) == message
