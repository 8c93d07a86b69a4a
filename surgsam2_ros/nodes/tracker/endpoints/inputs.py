# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The topics that the node listens to: connected while configured, open while active.

Cameras are found while the network is loaded, so that an activation, after a crash above all, has
its first image at once and not after the discovery of the middleware.
"""

from __future__ import annotations

from collections.abc import Callable

from geometry_msgs.msg import PointStamped
from rclpy.node import Node

from surgsam2_msgs.msg import PromptArray
from surgsam2_ros.discovery import DiscoverySettings
from surgsam2_ros.nodes.messages import qos
from surgsam2_ros.nodes.tracker.endpoints.discovery import detection_subscriptions
from surgsam2_ros.nodes.tracker.endpoints.image_input import ImageInput
from surgsam2_ros.nodes.tracker.endpoints.standby import StandbySubscription
from surgsam2_ros.nodes.tracker.endpoints.topic_quality import TopicQuality
from surgsam2_ros.nodes.tracker.parameters import InputParameters
from surgsam2_ros.streaming.detections import Detections
from surgsam2_ros.streaming.frame_slot import FrameSlot


class Inputs:
    """The subscriptions to images, prompts and detections.

    Args:
        node: the node that subscribes.
        quality: makes the profile of images.
        is_enabled: images are passed by while it says no.
        on_received: receives the number of images that were published, lost ones included.
        take_prompts: receives prompts.
        prompt_of_click: makes a prompt of a clicked pixel.
        take_detections: receives what a detector says.
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
        prompt_of_click: Callable[[PointStamped], PromptArray],
        take_detections: Callable[[Detections], None],
        now_ns: Callable[[], int],
    ) -> None:
        self._node, self._quality = node, quality
        self._take_prompts, self._prompt_of_click = take_prompts, prompt_of_click
        self._take_detections = take_detections
        self._image_options = {
            'is_enabled': is_enabled,
            'on_received': on_received,
            'now_ns': now_ns,
        }
        self._images: ImageInput | None = None
        self._prompts: tuple[StandbySubscription, ...] = ()

    def connect(self, settings: InputParameters, discovery: DiscoverySettings) -> None:
        """Subscribe, and take nothing yet."""
        self.disconnect()
        self._images = ImageInput(self._node, settings, self._quality, **self._image_options)
        self._prompts = (
            self._subscribe(PromptArray, 'prompts', self._take_prompts),
            self._subscribe(PointStamped, '~/clicked_pixel', self._take_click),
            *detection_subscriptions(self._node, discovery, self._take_detections),
        )

    def open(self, slot: FrameSlot) -> None:
        """Take what is published from now on; images go into the slot."""
        self._images.open(slot)
        for subscription in self._prompts:
            subscription.open()

    def close(self) -> None:
        """Take nothing more until it is opened again."""
        self._images.close()
        for subscription in self._prompts:
            subscription.close()

    def disconnect(self) -> None:
        """Unsubscribe, where that was not done yet."""
        for subscription in (self._images, *self._prompts):
            if subscription is not None:
                subscription.destroy()
        self._images, self._prompts = None, ()

    def _subscribe(
        self, message_type: type, topic: str, take: Callable[..., None]
    ) -> StandbySubscription:
        return StandbySubscription(self._node, message_type, topic, take, qos_profile=qos.PROMPTS)

    def _take_click(self, message: PointStamped) -> None:
        self._take_prompts(self._prompt_of_click(message))
