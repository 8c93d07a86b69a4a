# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Prompts as the messages of the node's services, for those who call it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from geometry_msgs.msg import Point32
from sensor_msgs.msg import Image, RegionOfInterest
from std_msgs.msg import Header

from surgsam2_msgs.msg import Prompt as PromptMessage
from surgsam2_msgs.srv import AddObjects
from surgsam2_ros.nodes.messages.images import make_label_image


def add_request(
    header: Header | None, allow_update: bool, keep_old_points: bool
) -> AddObjects.Request:
    """Return a request without prompts."""
    return AddObjects.Request(
        request_header=header or Header(),
        allow_update=allow_update,
        keep_old_points=keep_old_points,
    )


def add_prompt(
    request: AddObjects.Request,
    object_id: str,
    *,
    points: Sequence | None = None,
    labels: Sequence[int] | None = None,
    box: Sequence[float] | None = None,
    mask: np.ndarray | None = None,
    class_name: str = '',
) -> None:
    """Write one object's prompt into the arrays of a request; points without labels lie on it."""
    if points is not None:
        labels = [1] * len(points) if labels is None else labels
        request.point_object_ids += [object_id] * len(points)
        request.point_coords += [_point(point) for point in points]
        request.point_labels.extend(int(label) for label in labels)
    if box is not None:
        request.bbox_object_ids.append(object_id)
        request.bbox_coords.append(_region(box))
    if mask is not None:
        request.mask_object_ids.append(object_id)
        request.masks.append(_mask_message(mask))
    if class_name:
        request.class_object_ids.append(object_id)
        request.class_names.append(class_name)


def prompt_message(prompt: Any) -> PromptMessage:
    """Return the message of a tracking.Prompt, or of anything with its attributes."""
    message = PromptMessage(object_id=prompt.object_id, class_name=prompt.class_name)
    if prompt.points is not None:
        message.points = [_point(point) for point in prompt.points]
        labels = [1] * len(prompt.points) if prompt.labels is None else prompt.labels
        message.labels = [int(label) for label in labels]
    if prompt.box is not None:
        message.box = _region(prompt.box)
    if prompt.mask is not None:
        message.mask = _mask_message(prompt.mask)
    return message


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
