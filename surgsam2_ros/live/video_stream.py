# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The images of a video as the messages of a camera: as recorded in a bag, raw from a folder."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from surgsam2_ros.evaluation.runs.video import EvaluationVideo
    from surgsam2_ros.nodes.replay.player import MessageSource

FOLDER_RATE_HZ = 15.0
"""Images per second of a video that does not know its own rate."""


@dataclass(frozen=True)
class VideoStream:
    """The images of a video as messages.

    Attributes:
        source: what the player reads.
        topic: of the images in it.
        compressed: whether they are CompressedImages.
        headers: stamp [ns] -> frame_id of each image, in order.
        rate_hz: images per second by their times.
    """

    source: MessageSource
    topic: str
    compressed: bool
    headers: dict[int, str]
    rate_hz: float


def open_stream(video: EvaluationVideo, stack: contextlib.ExitStack) -> VideoStream:
    """Give the images of a bag as they were recorded, and those of a folder as raw images."""
    from surgsam2_ros.live.demo_prompts import index_images
    from surgsam2_ros.sources import BagReader
    from surgsam2_ros.sources.message_types import COMPRESSED_IMAGE_TYPE

    if video.image_topic is not None:
        reader = stack.enter_context(BagReader(video.images))
        headers, rate_hz = index_images(reader, video.image_topic)
        compressed = reader.topics[video.image_topic].type_name == COMPRESSED_IMAGE_TYPE
        return VideoStream(
            reader, video.image_topic, compressed, headers, rate_hz or FOLDER_RATE_HZ
        )
    from surgsam2_ros.nodes.messages.frames import FrameMessages

    # From one second on: a stamp of 0 would mean the newest image to the node.
    stamps = [round((1 + i / FOLDER_RATE_HZ) * 1e9) for i in range(len(video))]
    source = FrameMessages(video.images, '/image', video.image, stamps)
    return VideoStream(source, '/image', False, dict.fromkeys(stamps, 'camera'), FOLDER_RATE_HZ)
