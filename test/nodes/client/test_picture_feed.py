# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Images are joined with the results of the very same stamp, over Fast DDS, from a stand-in."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial

import cv2
import numpy as np
import pytest
from node_processes import make_header
from sensor_msgs.msg import CompressedImage, Image, RegionOfInterest

from surgsam2_msgs.msg import Track, TrackArray
from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.nodes.client.node_watch import NodeReport
from surgsam2_ros.nodes.client.picture_feed import PictureFeed, serialised_stamp_ns
from surgsam2_ros.nodes.client.results import NodeState, SurgSam2Error
from surgsam2_ros.nodes.messages import qos
from surgsam2_ros.nodes.messages.images import make_label_image, make_rgb_image

PATIENCE_S = 30.0
HEIGHT, WIDTH = 4, 6
_FAR = 1_000_000  # no picture has so large a number


class StandIn:
    """Publishes the images of a camera and what a node makes of them, piece by piece."""

    def __init__(self, name: str, image_type: type = Image) -> None:
        self.owner, self.listener = NodeThread('stand_in'), NodeThread('viewer')
        target, topic = f'/{name}_{os.getpid()}/surgsam2', f'/{name}_{os.getpid()}/image'
        self.report = NodeReport(
            is_there=True, lifecycle=NodeState.ACTIVE, input_topic=topic, rate_hz=30.0
        )
        create = self.owner.node.create_publisher
        self._images = create(image_type, topic, qos.qos_profile('DEFAULT', 10))
        self._tracks = create(TrackArray, f'{target}/tracks', qos.TRACKS)
        self._labels = create(Image, f'{target}/label_image', qos.LABEL_IMAGE)
        self.feed = PictureFeed(self.listener.node, target, lambda: self.report)

    def close(self) -> None:
        self.owner.close()
        self.listener.close()

    def connect(self) -> None:
        """Look, and wait until all that is published is listened to."""
        self.until(lambda: self._images.get_subscription_count())
        self.until(lambda: self._tracks.get_subscription_count())
        time.sleep(0.3)  # the listener finds the publishers a moment later, unseen from here

    def until(self, true: Callable[[], object]) -> None:
        """Look until something is true."""
        deadline = time.monotonic() + PATIENCE_S
        while not true():
            self.feed.wait(_FAR, 0.05)
            assert time.monotonic() < deadline, 'the feed does not subscribe as it should'

    @property
    def label_listeners(self) -> int:
        return self._labels.get_subscription_count()

    def image(self, number: int) -> None:
        pixels = np.full((HEIGHT, WIDTH, 3), number, np.uint8)
        self._images.publish(make_rgb_image(make_header(number), pixels))

    def jpeg(self, number: int, data: bytes | None = None) -> None:
        if data is None:
            grey = np.full((16, 16, 3), number, np.uint8)
            data = cv2.imencode('.png', grey)[1].tobytes()
        self._images.publish(CompressedImage(header=make_header(number), format='png', data=data))

    def tracks(self, number: int, with_mask: bool = False) -> None:
        """Publish one object in the corner, whose instance is the number."""
        track = Track(object_id='a', instance=number, state=Track.TRACKED, score=0.5)
        track.box = RegionOfInterest(x_offset=1, y_offset=1, width=2, height=1)
        if with_mask:
            track.mask = make_label_image(make_header(number), np.full((1, 2), 255, np.uint8))
        self._tracks.publish(
            TrackArray(
                header=make_header(number),
                image_width=WIDTH,
                image_height=HEIGHT,
                latency_ms=12.0,
                tracks=[track],
            )
        )

    def labels(self, number: int) -> None:
        pixels = np.full((HEIGHT, WIDTH), number, np.uint8)
        self._labels.publish(make_label_image(make_header(number), pixels))

    def picture(self, after: int = 0):
        found = self.feed.wait(after, PATIENCE_S)
        assert found is not None, 'no picture came'
        return found


@pytest.fixture
def stand_in(request):
    with closing(StandIn(f'feed_{request.node.name[:30]}')) as stand_in:
        yield stand_in


def test_image_and_tracks_of_one_stamp_make_a_picture_in_whatever_order(stand_in):
    stand_in.connect()
    version = 0
    for number, order in enumerate([(0, 1), (1, 0)], 1):
        parts = [stand_in.image, partial(stand_in.tracks, with_mask=True)]
        for index in order:
            parts[index](number)
            time.sleep(0.05)
        version, picture = stand_in.picture(version)
        assert picture.stamp_ns == number
        assert (picture.rgb == number).all()
        expected = np.zeros((HEIGHT, WIDTH), np.uint8)
        expected[1, 1:3] = number
        assert np.array_equal(picture.labels, expected)
        assert picture.found.objects[0].instance == number
        assert picture.latency_ms == 12.0
    assert stand_in.feed.wait(version, 0.05) is None
    assert not stand_in.label_listeners, 'results have masks, so a label image costs for nothing'


def test_results_without_masks_are_joined_with_their_label_images_in_whatever_order(stand_in):
    stand_in.connect()
    stand_in.tracks(1)
    stand_in.until(lambda: stand_in.label_listeners)
    time.sleep(0.3)  # the listener finds the publisher a moment later, unseen from here
    version = 0
    for number, order in enumerate([(0, 1, 2), (2, 1, 0), (1, 0, 2)], 2):
        parts = [stand_in.image, stand_in.tracks, stand_in.labels]
        for index in order:
            parts[index](number)
            time.sleep(0.05)
        version, picture = stand_in.picture(version)
        assert picture.stamp_ns == number
        assert (picture.labels == number).all()
    stand_in.tracks(9, with_mask=True)
    stand_in.until(lambda: not stand_in.label_listeners)


def test_results_without_masks_and_label_images_are_shown_all_the_same(stand_in):
    stand_in.connect()
    for number in (1, 2):
        stand_in.image(number)
        stand_in.tracks(number)
        time.sleep(0.05)
    _, picture = stand_in.picture()
    assert not picture.labels.any()
    assert picture.found.objects[0].instance == picture.stamp_ns


def test_images_of_a_node_that_does_not_track_are_shown_without_labels(stand_in):
    stand_in.connect()
    stand_in.image(1)
    assert stand_in.feed.wait(0, 0.3) is None, 'its result is still to come'
    stand_in.report = NodeReport(
        is_there=True, lifecycle=NodeState.INACTIVE, input_topic=stand_in.report.input_topic
    )
    stand_in.image(2)
    version, picture = stand_in.picture()
    assert (picture.stamp_ns, picture.labels, picture.found) == (2, None, None)
    stand_in.image(3)
    version, picture = stand_in.picture(version)
    assert picture.stamp_ns == 3
    stand_in.tracks(2, with_mask=True)
    assert stand_in.feed.wait(version, 0.5) is None, 'a late result is no newer picture'


def test_images_of_a_node_that_falls_silent_are_shown_without_labels(stand_in):
    stand_in.connect()
    deadline = time.monotonic() + PATIENCE_S
    number = 1
    while (found := stand_in.feed.wait(0, 0.2)) is None:
        stand_in.image(number)
        number += 1
        assert time.monotonic() < deadline, 'nothing is shown'
    assert found[1].labels is None


def test_nothing_is_subscribed_to_while_nobody_looks(stand_in):
    stand_in.connect()
    deadline = time.monotonic() + PATIENCE_S
    while stand_in._images.get_subscription_count() or stand_in.label_listeners:
        assert time.monotonic() < deadline, 'still subscribed'
        time.sleep(0.1)


def test_compressed_images_are_found_by_their_type_and_a_broken_one_is_told_once():
    with closing(StandIn('feed_compressed', CompressedImage)) as stand_in:
        stand_in.connect()
        for number in (100, 101):
            stand_in.jpeg(number, b'no image' if number == 101 else None)
            stand_in.tracks(number, with_mask=True)
            time.sleep(0.1)
            if number == 100:
                version, picture = stand_in.picture()
                assert (picture.rgb == 100).all()
        with pytest.raises(SurgSam2Error, match='cannot be shown'):
            stand_in.picture(version)
        assert stand_in.feed.wait(version, 0.05) is None


def test_the_stamp_is_read_from_the_serialised_message():
    from rclpy.serialization import serialize_message

    data = serialize_message(Image(header=make_header(1_234_567_890_123_456_789)))
    assert serialised_stamp_ns(data) == 1_234_567_890_123_456_789
