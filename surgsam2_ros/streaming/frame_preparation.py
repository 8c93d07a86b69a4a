# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What happens to an image before it is tracked: decoding, and encoding it one image ahead.

Knows nothing of ROS.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np

from surgsam2_ros.streaming.frame_slot import LATEST, FrameSlot, ReceivedFrame
from surgsam2_ros.streaming.requests import format_stamp
from surgsam2_ros.streaming.watchdog import Work
from surgsam2_ros.tracking import PreparedFrame

_PATIENCE_S = 0.1  # how long the thread sleeps before it looks whether it is still wanted
_REMEMBERED = 5  # frames whose durations are kept
_SLACK = 0.15  # share of the time of an encoding by which it is begun earlier than it need be


@dataclass(frozen=True, eq=False)
class DecodedFrame:
    """A frame on its way from the slot into the tracker.

    Attributes:
        received: the image message.
        rgb: the decoded image, uint8 [H, W, 3]; None when it could not be decoded.
        prepared: what `StreamingTracker.prepare` made of it; None when that is left to `track`.
        prepare_ms: time that took [ms].
        error: why there is no rgb.
    """

    received: ReceivedFrame
    rgb: np.ndarray | None = None
    prepared: PreparedFrame | None = None
    prepare_ms: float = 0.0
    error: Exception | None = None


class Pace:
    """Tells how long a frame may still wait so that its encoding ends when it is asked for.

    Both durations are medians of the last few frames, so that a slow frame does not upset them.
    """

    def __init__(self) -> None:
        self._tracking_s: deque[float] = deque(maxlen=_REMEMBERED)
        self._encoding_s: deque[float] = deque(maxlen=_REMEMBERED)
        self._taken_s: float | None = None

    @property
    def knows_encoding(self) -> bool:
        """Whether an image was encoded already."""
        return bool(self._encoding_s)

    @property
    def busy(self) -> bool:
        """Whether the tracker has a frame."""
        return self._taken_s is not None

    def taken(self, now_s: float) -> None:
        """Note that a frame went to the tracker."""
        self._taken_s = now_s

    def asked(self, now_s: float) -> None:
        """Note that the tracker is done with what it took, and wants the next."""
        if self._taken_s is not None:
            self._tracking_s.append(now_s - self._taken_s)
            self._taken_s = None

    def encoded(self, duration_s: float) -> None:
        """Note how long an encoding took."""
        self._encoding_s.append(duration_s)

    def spare_s(self, now_s: float) -> float:
        """How long the next encoding may wait [s]; 0 when the tracker waits or nothing is known."""
        if self._taken_s is None or not self._tracking_s or not self._encoding_s:
            return 0.0
        asks_at_s = self._taken_s + median(self._tracking_s)
        return max(asks_at_s - (1 + _SLACK) * median(self._encoding_s) - now_s, 0.0)


class FramePreparation:
    """Takes frames from the slot for the inference thread, and encodes the next one meanwhile.

    While `ahead` is set a thread of its own decodes and encodes one frame beyond the one that is
    tracked; else a frame is decoded when it is asked for, and it is then the newest there is. Of
    policy 'latest' the encoding begins as late as it may, so that the frame is as new as it can be.

    Args:
        slot: where received frames wait.
        decode: image message -> rgb uint8 [H, W, 3].
        prepare: `StreamingTracker.prepare`.
        on_ready: called, on the thread, when a frame is ready to be taken.
    """

    def __init__(
        self,
        slot: FrameSlot,
        decode: Callable[[Any], np.ndarray],
        prepare: Callable[[np.ndarray], PreparedFrame],
        on_ready: Callable[[], None],
    ) -> None:
        self._slot = slot
        self._decode = decode
        self._prepare = prepare
        self._on_ready = on_ready
        self._state = threading.Condition()
        self._ahead = self._working = self._stopped = False
        self._ready: DecodedFrame | None = None
        self._dropped = 0
        self.work: Work | None = None  # what the thread has in hand
        self._pace = Pace()
        self._thread = threading.Thread(target=self._run, name='preparation', daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """Return how many frames are in work or ready, those in the slot left out."""
        with self._state:
            return int(self._working) + (self._ready is not None)

    @property
    def ahead(self) -> bool:
        """Whether the thread works ahead."""
        return self._ahead

    @ahead.setter
    def ahead(self, ahead: bool) -> None:
        if ahead != self._ahead:
            with self._state:
                self._ahead = ahead
                self._state.notify_all()

    def take(self) -> tuple[DecodedFrame | None, int]:
        """Take the frame whose turn it is, if any is ready.

        Returns:
            The frame or None, and how many were dropped since the last call.
        """
        with self._state:
            self._pace.asked(time.monotonic())
            if not self._ahead:  # what the thread has begun comes first
                self._state.wait_for(lambda: not self._working)
            frame, self._ready = self._ready, None
            dropped, self._dropped = self._dropped, 0
            if frame is not None:
                self._pace.taken(time.monotonic())
            self._state.notify_all()
        if frame is not None or self._ahead:
            return frame, dropped
        received, more = self._slot.take()
        return (None if received is None else self._decoded(received)), dropped + more

    def stop(self, timeout_s: float) -> bool:
        """End the thread; False when it did not end in time."""
        with self._state:
            self._stopped = True
            self._state.notify_all()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while self._wait_for_work():
            received, dropped = self._slot.take()
            frame = None if received is None else self._encode_ahead(received)
            with self._state:
                self._dropped += dropped
                if frame is not None and frame.prepared is not None:
                    self._pace.encoded(frame.prepare_ms / 1e3)
                self._ready, self._working = frame, False
                self._state.notify_all()
            self._on_ready()

    def _wait_for_work(self) -> bool:
        """Wait until a frame waits and there is room for it; False when the thread is to end."""
        while True:
            with self._state:
                self._state.wait_for(lambda: self._stopped or (self._ahead and self._ready is None))
                if self._slot.policy == LATEST:
                    self._let_newer_frames_come()
                if self._stopped:
                    return False
            if not self._slot.wait(_PATIENCE_S):
                continue
            if self._slot.policy == LATEST and self._pace.busy:
                self._slot.wait_if_nearly_there()
            with self._state:
                if self._ahead and not self._stopped:
                    self._working = True
                    return True

    def _let_newer_frames_come(self) -> None:
        """Wait while the tracker is busy for longer than the encoding takes. Holds the state."""
        while not self._stopped and (spare_s := self._pace.spare_s(time.monotonic())) > 0:
            self._state.wait(spare_s)

    def _encode_ahead(self, received: ReceivedFrame) -> DecodedFrame:
        what = f'the encoding of the image of {format_stamp(received.stamp_ns)}'
        self.work = Work(what, first=not self._pace.knows_encoding)
        try:
            return self._encoded(self._decoded(received))
        finally:
            self.work = None

    def _decoded(self, received: ReceivedFrame) -> DecodedFrame:
        try:
            return DecodedFrame(received, self._decode(received.message))
        except Exception as error:  # raised again where the frame is taken up
            return DecodedFrame(received, error=error)

    def _encoded(self, frame: DecodedFrame) -> DecodedFrame:
        if frame.rgb is None:
            return frame
        started = time.perf_counter()
        try:
            prepared = self._prepare(frame.rgb)
        except Exception:  # `track` meets it again, on the thread that can report it
            return frame
        return replace(frame, prepared=prepared, prepare_ms=1e3 * (time.perf_counter() - started))
