# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Prompts as the messages of the node's services, for those who call it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point32
from sensor_msgs.msg import Image, RegionOfInterest
from std_msgs.msg import Header

from surgsam2_msgs.msg import Prompt as PromptMessage
from surgsam2_ros.nodes.messages.images import make_label_image


def prompt_message(prompt: Any, *, keep_old_points: bool = False) -> PromptMessage:
    """Return the message of a tracking.Prompt, or of anything with its attributes.

    Args:
        prompt: with object_id, points, labels, box, mask and class_name; points without labels
            lie on the object.
        keep_old_points: whether the points add to those given before for the same image.
    """
    message = PromptMessage(
        object_id=prompt.object_id, class_name=prompt.class_name, keep_old_points=keep_old_points
    )
    if prompt.points is not None:
        message.points = [_point(point) for point in prompt.points]
        labels = [1] * len(prompt.points) if prompt.labels is None else prompt.labels
        message.labels = [int(label) for label in labels]
    if prompt.box is not None:
        message.box = _region(prompt.box)
    if prompt.mask is not None:
        message.mask = _mask_message(prompt.mask)
    return message


def stamp_header(stamp_ns: int) -> Header:
    """Return the header of a request about the image with a stamp; 0 means the newest image."""
    seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
    return Header(stamp=Time(sec=seconds, nanosec=nanoseconds))


def _point(point: Sequence[float]) -> Point32:
    return Point32(x=float(point[0]), y=float(point[1]))


def _region(box: Sequence[float]) -> RegionOfInterest:
    """Whole pixels that contain the box (x0, y0, x1, y1)."""
    x0, y0 = math.floor(box[0]), math.floor(box[1])
    return RegionOfInterest(
        x_offset=x0, y_offset=y0, width=math.ceil(box[2]) - x0, height=math.ceil(box[3]) - y0
    )


def _mask_message(mask: np.ndarray) -> Image:
    return make_label_image(Header(), (np.asarray(mask) > 0).astype(np.uint8))
