# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where received frames wait for the inference thread, and where skipped ones are counted.

Knows nothing of ROS: a frame is a message of any type with the time it was taken and received.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Any

LATEST = 'latest'
EVERY_FRAME = 'every_frame'
POLICIES = (LATEST, EVERY_FRAME)
_WORTH_WAITING = 0.2  # share of the time between two frames
_JITTER = 0.1  # of arrivals, as a share of that time


@dataclass(frozen=True, eq=False)
class ReceivedFrame:
    """An image message as it arrived, not decoded.

    Attributes:
        message: the image message.
        stamp_ns: time in the message's header [ns].
        received_ns: time of the node's clock when it arrived [ns].
    """

    message: Any
    stamp_ns: int
    received_ns: int


class Rhythm:
    """Tells when the next frame of a camera is due, by the median of its last intervals."""

    def __init__(self) -> None:
        self._intervals_s: deque[float] = deque(maxlen=5)
        self._last_s: float | None = None

    def beat(self, now_s: float) -> None:
        """Note that a frame arrived."""
        if self._last_s is not None:
            self._intervals_s.append(now_s - self._last_s)
        self._last_s = now_s

    def worth_waiting_s(self, now_s: float) -> float:
        """How long to wait for a frame that is nearly there [s]; 0 when none is."""
        if not self._intervals_s:
            return 0.0
        interval_s = median(self._intervals_s)
        due_s = self._last_s + interval_s - now_s
        return due_s + _JITTER * interval_s if 0 < due_s < _WORTH_WAITING * interval_s else 0.0


class FrameSlot:
    """Hands frames from the camera callback to the inference thread without making either wait.

    With policy 'latest' it holds one frame and a newer one takes its place. With 'every_frame' it
    is a queue; when that is full the oldest frame goes. Frames that go untracked are counted, and
    the count is handed out with the next frame that is taken.

    Args:
        policy: 'latest' or 'every_frame'.
        capacity: frames the queue of 'every_frame' holds, at least 1.
        wake: event set whenever a frame arrives.

    Attributes:
        policy: as given.

    Raises:
        ValueError: unknown policy, or capacity below 1.
    """

    def __init__(
        self, policy: str = LATEST, *, capacity: int = 64, wake: threading.Event | None = None
    ) -> None:
        if policy not in POLICIES:
            raise ValueError(f'frame policy {policy!r} is unknown; use one of {list(POLICIES)}')
        if capacity < 1:
            raise ValueError(f'frame queue of {capacity} frames cannot hold any; use 1 or more')
        self.policy = policy
        self._frames: deque[ReceivedFrame] = deque()
        self._capacity = 1 if policy == LATEST else capacity
        self._wake = wake or threading.Event()
        self._arrival = threading.Condition()
        self._rhythm = Rhythm()
        self._arrived = 0
        self._dropped = 0

    def __len__(self) -> int:
        """Return how many frames wait."""
        return len(self._frames)

    def put(self, frame: ReceivedFrame, *, lost_before: int = 0) -> None:
        """Add a frame; the oldest waiting one is dropped when there is no room for it.

        Args:
            frame: the frame that arrived.
            lost_before: frames before it that never arrived; they count as dropped.
        """
        with self._arrival:
            self._dropped += lost_before
            self._rhythm.beat(time.monotonic())
            self._arrived += 1
            if len(self._frames) == self._capacity:
                self._frames.popleft()
                self._dropped += 1
            self._frames.append(frame)
            self._arrival.notify_all()
        self._wake.set()

    def wait(self, timeout_s: float) -> bool:
        """Wait until a frame is there; False when the time was not enough."""
        with self._arrival:
            return self._arrival.wait_for(lambda: bool(self._frames), timeout_s)

    def wait_if_nearly_there(self) -> None:
        """Wait for the next frame when it is due within a fifth of the time between frames.

        With a camera faster than the tracker that costs little time and makes frames newer.
        """
        with self._arrival:
            arrived, wait_s = self._arrived, self._rhythm.worth_waiting_s(time.monotonic())
            if wait_s:
                self._arrival.wait_for(lambda: self._arrived != arrived, wait_s)

    def take(self) -> tuple[ReceivedFrame | None, int]:
        """Take the frame whose turn it is, if any.

        Returns:
            the frame or None, and the number of frames dropped since the last call.
        """
        with self._arrival:
            dropped, self._dropped = self._dropped, 0
            frame = self._frames.popleft() if self._frames else None
        return frame, dropped

    def take_dropped(self) -> int:
        """Take the number of frames dropped since the last call, when no frame will tell it."""
        with self._arrival:
            dropped, self._dropped = self._dropped, 0
        return dropped

    def clear(self) -> int:
        """Drop all waiting frames; they count as dropped. Returns how many there were."""
        with self._arrival:
            waiting = len(self._frames)
            self._dropped += waiting
            self._frames.clear()
        return waiting
