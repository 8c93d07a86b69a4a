# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The topics of discovery: detections of a detector outside in, decisions of the overseer out.

They exist only while instruments are to be found by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from std_msgs.msg import Header

from surgsam2_msgs.msg import DetectionArray, Event
from surgsam2_ros.discovery import Decision, DiscoverySettings
from surgsam2_ros.discovery.settings import OFF
from surgsam2_ros.nodes.messages import qos
from surgsam2_ros.nodes.messages.detections import (
    detections_from_array,
    detections_from_vision,
    vision_classes,
)
from surgsam2_ros.nodes.messages.requests import stamp_header
from surgsam2_ros.nodes.tracker.endpoints.standby import StandbySubscription
from surgsam2_ros.streaming.detections import Detections


def detection_subscriptions(
    node: Node, settings: DiscoverySettings, take: Callable[[Detections], None]
) -> tuple[StandbySubscription, ...]:
    """Subscribe to detections where they are wanted, and take none yet.

    Args:
        node: the node that subscribes.
        settings: of discovery.
        take: receives what a detector says.
    """
    if not settings.takes_external:
        return ()
    sources: list[tuple[Any, str, Callable[[Any], Detections]]] = [
        (DetectionArray, 'detections', detections_from_array)
    ]
    if (classes := vision_classes()) is not None:
        kind = classes['Detection2DArray']
        sources.append((kind, 'detections_2d', detections_from_vision))

    def take_as(read: Callable[[Any], Detections]) -> Callable[[Any], None]:
        return lambda message: take(read(message))

    return tuple(
        StandbySubscription(node, kind, topic, take_as(read), qos_profile=qos.DETECTIONS)
        for kind, topic, read in sources
    )


class Events:
    """The publisher of `~/events`; while instruments are not found by themselves there is none.

    Args:
        node: the node whose topic this is.
        settings: of discovery.
    """

    def __init__(self, node: LifecycleNode, settings: DiscoverySettings) -> None:
        self._node, self._publisher = node, None
        if settings.source != OFF:
            self._publisher = node.create_lifecycle_publisher(Event, '~/events', qos.EVENTS)

    def publish(self, decision: Decision, frame_id: str) -> None:
        """Publish and log a decision about an image of a camera."""
        name = f' {decision.object_id}' if decision.object_id else ''
        self._node.get_logger().info(f'{decision.action.value}{name}: {decision.why}')
        if self._publisher is None:
            return
        self._publisher.publish(
            Event(
                header=Header(
                    stamp=stamp_header(decision.seen_in.stamp_ns).stamp, frame_id=frame_id
                ),
                what=decision.action.value,
                object_id=decision.object_id,
                why=decision.why,
            )
        )

    def destroy(self) -> None:
        """Remove the topic."""
        if self._publisher is not None:
            self._node.destroy_lifecycle_publisher(self._publisher)
