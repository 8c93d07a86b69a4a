# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Records topics: writes the serialised messages of raw subscriptions into a bag."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from surgsam2_ros.nodes.messages.message_classes import load_message_class
from surgsam2_ros.sources import BagWriter, UnknownTypeError

SUBSCRIBER_DEPTH = 100
DISCOVERY_PERIOD_S = 0.5


class TopicRecorder:
    """Subscribes to topics and writes what comes; the node has to be spun by someone.

    Messages are written with the node's time of their arrival, which is simulated time when the
    node uses it.

    Args:
        node: subscribes for the recorder.
        writer: the bag; its owner closes it.
        now_ns: time of arrival in nanoseconds; the node's clock by default.
        on_message: called with the topic, the serialised message and its time of arrival, after it
            has been written.

    Attributes:
        skipped: why topics are not recorded, by name.
    """

    def __init__(
        self,
        node: Node,
        writer: BagWriter,
        *,
        now_ns: Callable[[], int] | None = None,
        on_message: Callable[[str, bytes, int], None] = lambda topic, data, stamp_ns: None,
    ) -> None:
        self._node = node
        self._writer = writer
        self._now_ns = now_ns or (lambda: node.get_clock().now().nanoseconds)
        self._on_message = on_message
        self._subscriptions: dict[str, object] = {}
        self.skipped: dict[str, str] = {}

    @property
    def topics(self) -> list[str]:
        """Names of the topics that are being recorded."""
        return list(self._subscriptions)

    def add(self, topic: str, type_name: str) -> bool:
        """Start recording a topic; False, with the reason in `skipped`, when it cannot be."""
        if topic in self._subscriptions:
            return True
        try:
            message_class = load_message_class(type_name)
            self._writer.add_topic(topic, type_name)
        except (LookupError, UnknownTypeError) as error:
            self.skipped[topic] = str(error)
            return False

        def receive(data: bytes) -> None:
            stamp_ns = self._now_ns()
            self._writer.write(topic, type_name, stamp_ns, data)
            self._on_message(topic, data, stamp_ns)

        self._subscriptions[topic] = self._node.create_subscription(
            message_class, topic, receive, self._profile(topic), raw=True
        )
        return True

    def discover(self, topics: Iterable[str] | None = None) -> list[str]:
        """Add topics that are being published by now.

        Args:
            topics: wanted names; every topic but the node's own when None.

        Returns:
            wanted names that nobody publishes yet; always empty for None.
        """
        published = dict(self._node.get_topic_names_and_types())
        if topics is None:
            wanted = [name for name in published if self._node.count_publishers(name)]
        else:
            wanted = [self._node.resolve_topic_name(name) for name in topics]
        for name in wanted:
            known = name in self._subscriptions or name in self.skipped
            if not known and self._node.count_publishers(name):
                self.add(name, published[name][0])
        return [n for n in wanted if n not in self._subscriptions and n not in self.skipped]

    def _profile(self, topic: str) -> QoSProfile:
        """Return the strictest profile that all present publishers can serve."""
        offered = [info.qos_profile for info in self._node.get_publishers_info_by_topic(topic)]
        reliable = all(p.reliability == ReliabilityPolicy.RELIABLE for p in offered)
        latched = offered and all(p.durability == DurabilityPolicy.TRANSIENT_LOCAL for p in offered)
        return QoSProfile(
            depth=SUBSCRIBER_DEPTH,
            reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
        )
