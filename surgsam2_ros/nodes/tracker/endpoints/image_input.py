# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Receives images, raw or compressed, and puts them into the frame slot without looking at them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rclpy.clock import JumpHandle, JumpThreshold
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from surgsam2_ros.nodes.tracker.endpoints.standby import StandbySubscription
from surgsam2_ros.nodes.tracker.endpoints.topic_quality import TopicQuality
from surgsam2_ros.nodes.tracker.parameters import InputParameters
from surgsam2_ros.streaming.frame_slot import FrameSlot, ReceivedFrame
from surgsam2_ros.streaming.stamp_order import OVERTAKEN_NS

if TYPE_CHECKING:
    from rclpy.subscription import MessageInfo

COMPRESSED = 'compressed'


def image_topic(settings: InputParameters) -> str:
    """Return the relative name of the topic that images come from."""
    return 'image/compressed' if settings.transport == COMPRESSED else 'image'


def rival_publishers(node: Node, topic: str) -> tuple[str, ...]:
    """Return the full names of the nodes that publish on a topic, where there are several."""
    if node.count_publishers(topic) < 2:  # the cheaper question
        return ()
    publishers = node.get_publishers_info_by_topic(topic)
    return tuple(sorted(f'{p.node_namespace.rstrip("/")}/{p.node_name}' for p in publishers))


class GapCounter:
    """Counts messages that were published and never arrived, by their sequence numbers.

    Best-effort messages get lost on the way, and a subscription of depth 1 overwrites what was
    not taken in time; the middleware reports neither. Each publisher numbers its messages. Where a
    message does not tell which one it is from, as in Jazzy, gaps are counted only while there is a
    single publisher.

    Args:
        count_publishers: how many publish on the topic now; asked where that matters.
    """

    def __init__(self, count_publishers: Callable[[], int]) -> None:
        self._count_publishers = count_publishers
        self._last: dict[bytes, int] = {}

    def count(self, info: MessageInfo) -> int:
        """Return how many messages are missing between this one and its predecessor."""
        number = info.get('publication_sequence_number')
        if number is None:  # a middleware that does not number its messages
            return 0
        publisher = bytes((info.get('publisher_gid') or {}).get('data', b''))
        missing = number - self._last.get(publisher, number - 1) - 1
        self._last[publisher] = number
        if missing <= 0 or (not publisher and self._count_publishers() != 1):
            return 0
        return missing


class ImageInput:
    """The image subscription: made while configuring, open while the node is active.

    Args:
        node: the node that subscribes.
        settings: transport, policy and quality of service.
        quality: makes the profile and hears of publishers that do not fit.
        is_enabled: images are passed by while it says no.
        on_received: receives the number of images that were published, lost ones included.
        now_ns: the node's clock [ns].
    """

    def __init__(
        self,
        node: Node,
        settings: InputParameters,
        quality: TopicQuality,
        *,
        is_enabled: Callable[[], bool],
        on_received: Callable[[int], None],
        now_ns: Callable[[], int],
    ) -> None:
        self._slot: FrameSlot | None = None
        self._is_enabled = is_enabled
        self._on_received = on_received
        self._now_ns = now_ns
        topic = node.resolve_topic_name(image_topic(settings))
        self._count_publishers = lambda: node.count_publishers(topic)
        self._gaps = GapCounter(self._count_publishers)
        self._subscription = StandbySubscription(
            node,
            CompressedImage if settings.transport == COMPRESSED else Image,
            image_topic(settings),
            self._receive,
            **quality.images(node, image_topic(settings), settings),
        )
        self.close, self.destroy = self._subscription.close, self._subscription.destroy

    def open(self, slot: FrameSlot) -> None:
        """Put the images that are published from now on into this slot."""
        self._slot = slot
        self._gaps = GapCounter(self._count_publishers)  # what was passed by is not lost
        self._subscription.open()

    def _receive(self, message: Image | CompressedImage, info: MessageInfo) -> None:
        lost = self._gaps.count(info)
        if not self._is_enabled():
            return
        stamp = message.header.stamp
        stamp_ns = stamp.sec * 1_000_000_000 + stamp.nanosec
        self._on_received(1 + lost)
        self._slot.put(ReceivedFrame(message, stamp_ns, self._now_ns()), lost_before=lost)


def watch_clock(node: Node, set_back: Callable[[], None]) -> JumpHandle:
    """Have `set_back` called whenever `/clock` is set back, as when a bag starts over.

    Returns:
        what is to be kept for as long as that is wanted.
    """
    backward = Duration(nanoseconds=-OVERTAKEN_NS)
    threshold = JumpThreshold(min_forward=None, min_backward=backward, on_clock_change=False)
    return node.get_clock().create_jump_callback(threshold, post_callback=lambda _jump: set_back())
