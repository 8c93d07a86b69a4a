# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a detector outside says about images, kept until the image that it means was tracked."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from surgsam2_ros.discovery.intake import sound_proposals
from surgsam2_ros.discovery.observation import Observation
from surgsam2_ros.streaming.requests import (
    NEWEST_FRAME,
    FrameHistory,
    RequestError,
    find_target,
    format_stamp,
)
from surgsam2_ros.tracking.proposal import Proposal

_MOST_WAITING = 32
_LONGEST_WAIT_S = 5.0


@dataclass(frozen=True, eq=False)
class Detections:
    """A detector's answer for one image.

    Attributes:
        stamp_ns: of the image [ns]; 0 = the newest.
        image_size: (H, W) of it; None where the detector does not tell.
        proposals: as the detector gave them, whatever they hold.
        received_s: time.monotonic() of the arrival [s].
    """

    stamp_ns: int
    image_size: tuple[int, int] | None
    proposals: Sequence[Proposal]
    received_s: float = field(default_factory=time.monotonic)


class PastImages:
    """The newest tracked images as the overseer saw them, found by stamp as for prompts.

    Args:
        length: images to keep, at least 1.
    """

    def __init__(self, length: int) -> None:
        self._history = FrameHistory(length)
        self._images: deque[tuple[Observation, tuple[int, int]]] = deque(maxlen=length)

    def append(self, image: Observation, size: tuple[int, int]) -> None:
        """Keep an image of the size (H, W); those after a stamp that went back start anew."""
        newest_ns = self._history.newest_ns
        if newest_ns is not None and image.stamp_ns < newest_ns:
            self.clear()
        self._history.append(image.stamp_ns, image.frame_index)
        self._images.append((image, size))

    def clear(self) -> None:
        """Forget all images."""
        self._history.clear()
        self._images.clear()

    def size_of(self, image: Observation) -> tuple[int, int] | None:
        """Return the size (H, W) of an image, None where it is kept no more."""
        return next((size for one, size in self._images if one is image), None)

    def find(self, stamp_ns: int) -> tuple[Observation, tuple[int, int]] | None:
        """Return the image that a stamp means, None where it may still come.

        Raises:
            RequestError: it is too old, or no image near it was tracked.
        """
        if stamp_ns == NEWEST_FRAME:
            return self._images[-1]
        target = find_target(stamp_ns, self._history)
        if target is None:
            return None
        return next(one for one in self._images if one[0].frame_index == target.frame_index)


class DetectionQueue:
    """Takes detections on any thread, and gives those whose image was tracked.

    Args:
        report: receives (kind, text) of what is wrong with some.
    """

    def __init__(self, report: Callable[[str, str], None]) -> None:
        self._report = report
        self._waiting: deque[Detections] = deque()
        self._lock = threading.Lock()

    def put(self, detections: Detections) -> None:
        """Take an answer; of too many that wait the oldest is dropped."""
        with self._lock:
            self._waiting.append(detections)
            dropped = self._waiting.popleft() if len(self._waiting) > _MOST_WAITING else None
        if dropped is not None:
            self._refuse(dropped, f'more than {_MOST_WAITING} answers wait for their images')

    def clear(self) -> None:
        """Forget what waits."""
        with self._lock:
            self._waiting.clear()

    def take(self, past: PastImages) -> list[tuple[Observation, list[Proposal]]]:
        """Return the images that were answered for, oldest first, with what is sound."""
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
        ready, early = [], []
        for detections in waiting:
            try:
                found = past.find(detections.stamp_ns)
                if found is None:
                    _check_patience(detections)
                    early.append(detections)
                    continue
                image, size = found
                _check_size(detections, size)
            except RequestError as error:
                self._refuse(detections, str(error))
                continue
            proposals, fault = sound_proposals(detections.proposals, size)
            if fault:
                self._report('detections', f'{format_stamp(detections.stamp_ns)}: {fault}')
            ready.append((image, proposals))
        with self._lock:
            self._waiting.extendleft(reversed(early))
        return sorted(ready, key=lambda one: one[0].frame_index)

    def _refuse(self, detections: Detections, why: str) -> None:
        text = f'detections of {format_stamp(detections.stamp_ns)} were rejected: {why}'
        self._report('detections', text)


def _check_patience(detections: Detections) -> None:
    if time.monotonic() - detections.received_s > _LONGEST_WAIT_S:
        raise RequestError(f'no image with that stamp came for {_LONGEST_WAIT_S:g} s')


def _check_size(detections: Detections, size: tuple[int, int]) -> None:
    if detections.image_size not in (None, size):
        height, width = detections.image_size
        raise RequestError(
            f'they are for an image of {width}x{height}, the camera has {size[1]}x{size[0]}; '
            'detect in the images that are tracked'
        )
