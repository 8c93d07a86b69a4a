# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Images that are no recording, as messages of one topic: a bag for the player that needs no disk.

An image is decoded when its turn comes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from builtin_interfaces.msg import Time
from rclpy.serialization import serialize_message
from std_msgs.msg import Header

from surgsam2_ros.nodes.messages.images import make_rgb_image
from surgsam2_ros.sources import BagMessage, SourceError, TopicInfo
from surgsam2_ros.sources.message_types import IMAGE_TYPE


class FrameMessages:
    """A source of messages, see player.MessageSource.

    Args:
        path: where the images come from, for errors.
        topic: name of the topic.
        image: index -> uint8 [H, W, 3] RGB.
        stamps_ns: of the images, rising [ns]; also their times of recording.
        frame_id: of the headers.
    """

    def __init__(
        self,
        path: Path,
        topic: str,
        image: Callable[[int], np.ndarray],
        stamps_ns: Sequence[int],
        *,
        frame_id: str = 'camera',
    ) -> None:
        self.path = path
        self.topics: Mapping[str, TopicInfo] = {
            topic: TopicInfo(topic, IMAGE_TYPE, len(stamps_ns), ())
        }
        self.start_ns = stamps_ns[0] if len(stamps_ns) else 0
        self._topic = topic
        self._image = image
        self._stamps_ns = stamps_ns
        self._frame_id = frame_id

    def require_topic(self, topic: str) -> TopicInfo:
        """Return a topic's information.

        Raises:
            SourceError: when it is another than the one there is.
        """
        if topic not in self.topics:
            raise SourceError(f'{self.path} has no topic {topic}; its images are on {self._topic}')
        return self.topics[topic]

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """Yield the images as serialised rgb8 messages."""
        if self._topic not in topics:
            return
        for index, stamp_ns in enumerate(self._stamps_ns):
            seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
            header = Header(stamp=Time(sec=seconds, nanosec=nanoseconds), frame_id=self._frame_id)
            data = serialize_message(make_rgb_image(header, self._image(index)))
            yield BagMessage(self._topic, IMAGE_TYPE, stamp_ns, data)
