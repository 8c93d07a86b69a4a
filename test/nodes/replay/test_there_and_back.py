# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A scene that goes forwards and backwards, with stamps that go on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('rclpy')

from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from surgsam2_ros.nodes.messages.images import make_rgb_image
from surgsam2_ros.nodes.replay.there_and_back import ThereAndBack
from surgsam2_ros.sources import BagMessage

TYPE = 'sensor_msgs/msg/Image'
START_NS = 7_000_000_000


def recorded(number: int) -> BagMessage:
    """Give image `number` of a camera of 10 Hz, all of whose pixels are that number."""
    header = Header()
    header.stamp.sec, header.stamp.nanosec = divmod(START_NS + number * 100_000_000, 10**9)
    image = make_rgb_image(header, np.full((2, 2, 3), number, np.uint8))
    return BagMessage('/image', TYPE, 50 + number, serialize_message(image))


@pytest.fixture(name='scene')
def _scene():
    bag = SimpleNamespace(
        path=Path('bag'),
        require_topic=lambda topic: topic,
        messages=lambda topics: iter([recorded(number) for number in range(4)]),
    )
    return ThereAndBack(bag, '/image', 3)


def test_it_turns_without_a_jump_and_its_stamps_go_on(scene):
    messages = list(scene.messages(['/image']))
    images = [deserialize_message(message.data, Image) for message in messages]
    assert [image.data[0] for image in images] == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3]
    stamps = [image.header.stamp.sec * 10**9 + image.header.stamp.nanosec for image in images]
    assert stamps == [START_NS + number * 100_000_000 for number in range(10)]
    assert [m.stamp_ns - messages[0].stamp_ns for m in messages] == [s - START_NS for s in stamps]


def test_it_knows_which_recorded_image_each_one_is(scene):
    numbers = [(ns - START_NS) // 100_000_000 for ns in scene.recorded_ns.values()]
    assert numbers == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3]
    assert list(scene.recorded_ns)[4] == START_NS + 400_000_000


def test_another_topic_has_nothing(scene):
    assert list(scene.messages(['/other'])) == []
