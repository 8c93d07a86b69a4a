# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The topics that the node listens to: connected while configured, open while active.

Cameras are found while the network is loaded, so that an activation, after a crash above all, has
its first image at once and not after the discovery of the middleware.
"""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node

from surgsam2_msgs.msg import PromptArray
from surgsam2_ros.nodes.messages import qos
from surgsam2_ros.nodes.tracker.image_input import ImageInput
from surgsam2_ros.nodes.tracker.parameters import InputParameters
from surgsam2_ros.nodes.tracker.standby import StandbySubscription
from surgsam2_ros.nodes.tracker.topic_quality import TopicQuality
from surgsam2_ros.streaming.frame_slot import FrameSlot


class Inputs:
    """The subscriptions to images and prompts.

    Args:
        node: the node that subscribes.
        quality: makes the profile of images.
        is_enabled: images are passed by while it says no.
        on_received: receives the number of images that were published, lost ones included.
        take_prompts: receives prompts.
        now_ns: the node's clock [ns].
    """

    def __init__(
        self,
        node: Node,
        quality: TopicQuality,
        *,
        is_enabled: Callable[[], bool],
        on_received: Callable[[int], None],
        take_prompts: Callable[[PromptArray], None],
        now_ns: Callable[[], int],
    ) -> None:
        self._node, self._quality, self._take_prompts = node, quality, take_prompts
        self._image_options = {
            'is_enabled': is_enabled,
            'on_received': on_received,
            'now_ns': now_ns,
        }
        self._images: ImageInput | None = None
        self._prompts: StandbySubscription | None = None

    def connect(self, settings: InputParameters) -> None:
        """Subscribe, and take nothing yet."""
        self.disconnect()
        self._images = ImageInput(self._node, settings, self._quality, **self._image_options)
        self._prompts = StandbySubscription(
            self._node, PromptArray, 'prompts', self._take_prompts, qos_profile=qos.PROMPTS
        )

    def open(self, slot: FrameSlot) -> None:
        """Take what is published from now on; images go into the slot."""
        self._images.open(slot)
        self._prompts.open()

    def close(self) -> None:
        """Take nothing more until it is opened again."""
        self._images.close()
        self._prompts.close()

    def disconnect(self) -> None:
        """Unsubscribe, where that was not done yet."""
        for subscription in (self._images, self._prompts):
            if subscription is not None:
                subscription.destroy()
        self._images = self._prompts = None
