# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A recorded scene that goes on for longer than it was recorded: forwards, backwards, and again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from surgsam2_ros.nodes.replay.player import MessageSource
from surgsam2_ros.nodes.replay.synthetic_camera import stamped
from surgsam2_ros.sources import BagMessage, TopicInfo, peek_header


class ThereAndBack:
    """The images of one topic, forwards and backwards in turns, see player.MessageSource.

    Nothing jumps where it turns, and stamps always go on at the pace of the recording; those of the
    first way are the recorded ones. All images are held in memory.

    Args:
        reader: the bag, open.
        topic: of images, at least two with stamps that grow.
        ways: how often the scene is gone through, either way.

    Attributes:
        recorded_ns: stamp of each image that is played [ns], in order -> stamp in the recording.
    """

    def __init__(self, reader: MessageSource, topic: str, ways: int) -> None:
        self.path: Path = reader.path
        self.topics: Mapping[str, TopicInfo] = {topic: reader.require_topic(topic)}
        self.require_topic = reader.require_topic
        self._images = list(reader.messages([topic]))
        self.start_ns = self._images[0].stamp_ns
        last = len(self._images) - 1
        order = [*range(last + 1), *range(last - 1, 0, -1)]
        self._order = [order[i % len(order)] for i in range(ways * last + 1)]
        stamps = [peek_header(image.data)[0] for image in self._images]
        period_ns = (stamps[-1] - stamps[0]) // last
        played = [*stamps, *(stamps[-1] + period_ns * (i + 1) for i in range((ways - 1) * last))]
        self.recorded_ns = {ns: stamps[i] for ns, i in zip(played, self._order, strict=True)}

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """Yield the images; they are due at their stamps."""
        if not self.topics.keys() & set(topics):
            return
        first_ns = next(iter(self.recorded_ns))
        for place, stamp_ns in zip(self._order, self.recorded_ns, strict=True):
            due_ns = self.start_ns + stamp_ns - first_ns
            image = self._images[place]
            yield image._replace(stamp_ns=due_ns, data=stamped(image.data, stamp_ns))
