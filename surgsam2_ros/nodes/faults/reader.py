# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A participant that subscribes to all outputs of a node, and is gone again."""

from __future__ import annotations

from rclpy.node import Node
from sensor_msgs.msg import Image

from surgsam2_msgs.msg import TrackArray, TrackerStatus
from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.nodes.messages import qos


class Reader:
    """Receives everything and keeps nothing but the number of messages, until it is closed.

    Args:
        target: full name of the node.

    Attributes:
        received: messages so far.
    """

    def __init__(self, target: str) -> None:
        self.received = 0
        self._owner = NodeThread('reader')
        node: Node = self._owner.node
        for kind, name, profile in (
            (TrackArray, 'tracks', qos.TRACKS),
            (Image, 'label_image', qos.LABEL_IMAGE),
            (Image, 'overlay', qos.OVERLAY),
            (TrackerStatus, 'status', qos.STATUS),
        ):
            node.create_subscription(kind, f'{target}/{name}', self._count, profile)

    def close(self) -> None:
        """Remove the participant."""
        self._owner.close()

    def _count(self, _message: object) -> None:
        self.received += 1
