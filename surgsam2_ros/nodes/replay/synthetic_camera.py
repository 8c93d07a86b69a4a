# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A camera for measurements: a short clip without end, each image stamped when it is due."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
from rclpy.serialization import serialize_message
from std_msgs.msg import Header

from surgsam2_ros.nodes.messages.images import make_rgb_image
from surgsam2_ros.sources import BagMessage, SourceError, TopicInfo
from surgsam2_ros.sources.message_types import IMAGE_TYPE

_STAMP = slice(4, 12)  # sec and nanosec, behind the encapsulation header of the CDR
_LITTLE_ENDIAN = 1


class SyntheticCamera:
    """Images as the messages of a bag that has no end, see player.MessageSource.

    The clip goes forwards and backwards. Images are serialised once; of each message only the stamp
    is new, so that sending costs as little as it can.

    Args:
        clip: uint8 [N, H, W, 3] RGB.
        rate_hz: images per second.
        topic: name of the topic.
        frame_id: of the headers.

    Attributes:
        moving: whether the clip goes on; False repeats the image that it has come to.

    Raises:
        ValueError: when the clip is empty or the rate not above 0.
    """

    def __init__(
        self, clip: np.ndarray, rate_hz: float, *, topic: str = '/image', frame_id: str = 'camera'
    ) -> None:
        if not len(clip) or not rate_hz > 0:
            raise ValueError(f'{len(clip)} images at {rate_hz} Hz are no stream; give more of both')
        self.path = Path('synthetic_camera')
        self.topics: Mapping[str, TopicInfo] = {topic: TopicInfo(topic, IMAGE_TYPE, 0, ())}
        self.start_ns = 0
        self.moving = False
        self.topic = topic
        self.rate_hz = rate_hz
        self._now_ns: Callable[[], int] = lambda: 0
        header = Header(frame_id=frame_id)
        images = [serialize_message(make_rgb_image(header, image)) for image in clip]
        self._images = images + images[-2:0:-1]
        if images[0][1] != _LITTLE_ENDIAN:
            raise ValueError('messages are not little-endian here; stamps cannot be written')

    def keep_time(self, now_ns: Callable[[], int]) -> None:
        """Take the time of the schedule that messages are played by: BagPlayer.bag_time_ns."""
        self._now_ns = now_ns

    def require_topic(self, topic: str) -> TopicInfo:
        """Return a topic's information.

        Raises:
            SourceError: when it is another than the one there is.
        """
        if topic not in self.topics:
            raise SourceError(f'{self.path} has no topic {topic}; its images are on {self.topic}')
        return self.topics[topic]

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """Yield images without end; stamps are of the system's clock, when the image is due."""
        if self.topic not in topics:
            return
        number = position = 0
        while True:
            due_ns = round(number * 1e9 / self.rate_hz)
            stamp_ns = due_ns + time.time_ns() - self._now_ns()
            image = self._images[position % len(self._images)]
            yield BagMessage(self.topic, IMAGE_TYPE, due_ns, stamped(image, stamp_ns))
            number += 1
            position += self.moving


def stamped(cdr: bytes, stamp_ns: int) -> bytes:
    """Return a serialised message that begins with a header, with another stamp."""
    stamp = struct.pack('<iI', *divmod(stamp_ns, 1_000_000_000))
    return b''.join((cdr[: _STAMP.start], stamp, memoryview(cdr)[_STAMP.stop :]))
