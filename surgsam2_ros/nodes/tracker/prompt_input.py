# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Receives prompts by topic: whole ones on `prompts`, clicks on `~/clicked_pixel`."""

from __future__ import annotations

from collections.abc import Callable

from geometry_msgs.msg import PointStamped
from rclpy.node import Node

from surgsam2_msgs.msg import PromptArray
from surgsam2_ros.nodes.messages import qos
from surgsam2_ros.nodes.tracker.clicked_pixels import ClickedPixels


class PromptInput:
    """The subscriptions to prompts; they live as long as the node is active.

    Args:
        node: the node that subscribes.
        take: takes prompts, and reports what is wrong with them.
        clicks: makes prompts of clicks.
    """

    def __init__(
        self, node: Node, take: Callable[[PromptArray], None], clicks: ClickedPixels
    ) -> None:
        self._node = node
        self._subscriptions = [
            node.create_subscription(PromptArray, 'prompts', take, qos.PROMPTS),
            node.create_subscription(
                PointStamped,
                '~/clicked_pixel',
                lambda message: take(clicks.prompt(message)),
                qos.PROMPTS,
            ),
        ]

    def destroy(self) -> None:
        """Unsubscribe."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
