# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A clicked pixel as a prompt: a click on the object that it lies on, or else on a new one.

Viewers publish clicks as points, without a word about objects; `~/clicked_pixel` takes them.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence

from geometry_msgs.msg import Point32, PointStamped

from surgsam2_msgs.msg import Prompt, PromptArray
from surgsam2_ros.tracking import FrameResult
from surgsam2_ros.tracking.mask_crop import MaskCrop

NEW_OBJECT = 'click'
_ON_THE_OBJECT = 1

Masks = Sequence[tuple[str, float, MaskCrop]]
"""Object id, score and mask of each object in an image."""


class ClickedPixels:
    """Remembers where objects were, and makes prompts of clicks. Threads may share it.

    Args:
        length: newest images to remember, at least 1; a click on an older one is judged by the
            oldest of them.
        living: ids of the objects that live now.
    """

    def __init__(self, length: int, living: Callable[[], Collection[str]]) -> None:
        self._images: deque[tuple[int, Masks]] = deque(maxlen=length)
        self._living = living
        self._lock = threading.Lock()
        self._clicks = 0

    def remember(self, stamp_ns: int, result: FrameResult) -> None:
        """Remember where the objects are in an image."""
        masks = [(track.object_id, track.score, track.crop) for track in result.tracks]
        with self._lock:
            self._images.append((stamp_ns, masks))

    def prompt(self, message: PointStamped) -> PromptArray:
        """Return the prompt of a click.

        Args:
            message: x and y in pixels of the image, z unused, and the image's header; stamp 0 means
                the newest image.
        """
        stamp = message.header.stamp
        x, y = message.point.x, message.point.y
        stamp_ns = stamp.sec * 1_000_000_000 + stamp.nanosec
        prompt = Prompt(
            object_id=self._object_at(stamp_ns, x, y) or self._new_object(),
            points=[Point32(x=x, y=y)],
            labels=[_ON_THE_OBJECT],
            keep_old_points=True,  # several clicks on the same image go together
        )
        return PromptArray(header=message.header, prompts=[prompt])

    def _object_at(self, stamp_ns: int, x: float, y: float) -> str | None:
        """Name the living object at a pixel; of several the one with the best mask."""
        with self._lock:
            images = list(self._images)
        if not images:
            return None
        _, masks = (
            min(images, key=lambda image: abs(image[0] - stamp_ns)) if stamp_ns else images[-1]
        )
        living = self._living()
        at = [
            (score, object_id)
            for object_id, score, crop in masks
            if object_id in living and _covers(crop, x, y)
        ]
        return max(at)[1] if at else None

    def _new_object(self) -> str:
        """Return an id that nobody has, nor a click before that is still on its way."""
        living = self._living()
        while True:
            self._clicks += 1
            object_id = f'{NEW_OBJECT}_{self._clicks}'
            if object_id not in living:
                return object_id


def _covers(crop: MaskCrop, x: float, y: float) -> bool:
    if crop.box is None:
        return False
    left, top, width, height = crop.box
    if not (left <= x < left + width and top <= y < top + height):
        return False
    return bool(crop.pixels[int(y) - top, int(x) - left])
