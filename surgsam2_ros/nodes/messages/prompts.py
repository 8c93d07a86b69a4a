# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Prompts from services and topics as the tracker takes them.

Only what belongs to the messages is checked here; whether a prompt makes sense for its image is for
the tracker to say.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sensor_msgs.msg import Image, RegionOfInterest

from surgsam2_msgs.msg import Prompt as PromptMessage
from surgsam2_msgs.msg import PromptArray
from surgsam2_msgs.srv import AddObjects, SegmentImage
from surgsam2_ros.nodes.messages.images import decode_mask_message
from surgsam2_ros.sources.image_encodings import EncodingError
from surgsam2_ros.tracking import Prompt, PromptError


class MalformedPromptsError(PromptError):
    """Prompts contradict each other as a whole; `object_id` is empty."""

    def __init__(self, reason: str) -> None:
        ValueError.__init__(self, reason)
        self.object_id = ''


def prompts_from_request(request: AddObjects.Request | SegmentImage.Request) -> list[Prompt]:
    """Return the prompts of a request, in its order; raises as for a message."""
    return _prompts(request.prompts)


def prompts_from_message(message: PromptArray) -> list[Prompt]:
    """Return the prompts of a PromptArray, in its order.

    Raises:
        PromptError: no prompts, an id that occurs twice, an unreadable mask or half a box.
    """
    return _prompts(message.prompts)


def _prompts(messages: Sequence[PromptMessage]) -> list[Prompt]:
    if not messages:
        raise MalformedPromptsError(
            'there are no prompts; give at least one, with points, a box or a mask'
        )
    _check_unique([message.object_id for message in messages])
    return [_prompt(message) for message in messages]


def _prompt(message: PromptMessage) -> Prompt:
    has_box = message.box.width > 0 or message.box.height > 0
    has_mask = message.mask.width > 0 or message.mask.height > 0 or len(message.mask.data) > 0
    return Prompt(
        object_id=message.object_id,
        points=_points_array([(point.x, point.y) for point in message.points]),
        labels=_labels_array(message.labels),
        box=_box(message.object_id, message.box) if has_box else None,
        mask=_mask(message.object_id, message.mask) if has_mask else None,
        class_name=message.class_name,
        clear_old_points=not message.keep_old_points,
    )


def _points_array(points: Sequence[tuple[float, float]] | None) -> np.ndarray | None:
    """[P, 2] float32, or None when there are none."""
    return np.array(points, np.float32) if points else None


def _labels_array(labels: Sequence[int] | None) -> np.ndarray | None:
    """[P] int32, or None when there are none."""
    return np.array(labels, np.int32) if labels else None


def _box(object_id: str, region: RegionOfInterest) -> tuple[int, int, int, int]:
    """Return (x0, y0, x1, y1) of the region's edges."""
    if region.width < 1 or region.height < 1:
        raise PromptError(
            object_id,
            f'its box is {region.width}x{region.height} pixels; width and height must be at least '
            '1',
        )
    x, y = region.x_offset, region.y_offset
    return x, y, x + region.width, y + region.height


def _mask(object_id: str, image: Image) -> np.ndarray:
    try:
        return decode_mask_message(image)
    except EncodingError as error:
        raise PromptError(object_id, f'its mask cannot be read: {error}') from error


def _check_unique(object_ids: Sequence[str]) -> None:
    seen = set()
    for object_id in object_ids:
        if object_id in seen:
            raise PromptError(
                object_id, 'the id occurs twice in the prompts; name each object once'
            )
        seen.add(object_id)
