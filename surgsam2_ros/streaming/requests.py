# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What services and topics ask of the tracker, queued until the inference thread gets to it.

Prompts belong to a frame: the next one, one of the recent past, or one that has not come yet. This
module decides which; applying them is left to the inference thread. Knows nothing of ROS.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

NEWEST_FRAME = 0
# A prompt is moved to a neighbouring frame when its own was dropped, but not further than this.
MAX_STAMP_DISTANCE_NS = 500_000_000


class RequestError(RuntimeError):
    """A request that cannot be fulfilled; its text is meant for who asked.

    Attributes:
        object_ids: the objects at fault, empty when it is none in particular.
    """

    def __init__(self, message: str, object_ids: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.object_ids = tuple(object_ids)


class Origin(IntEnum):
    """Who asks; operators come first."""

    OPERATOR = 0
    OVERSEER = 1


@dataclass(frozen=True, eq=False)
class PromptRequest:
    """Prompts for the objects of one frame.

    Attributes:
        prompts: tracking.Prompt, one per object.
        stamp_ns: stamp of the frame that was looked at [ns]; 0 = the next frame.
        allow_update: whether known objects may be refined.
        deadline: time.monotonic() after which it has failed [s].
        origin: who asks; the overseer may refine known objects, not bring back one that is gone.
        future: resolved when the frame that consumed the prompts has been tracked.
    """

    prompts: Sequence[Any]
    stamp_ns: int
    allow_update: bool
    deadline: float
    origin: Origin = Origin.OPERATOR
    future: Future = field(default_factory=Future)


@dataclass(frozen=True, eq=False)
class CallRequest:
    """Work on the tracker that needs no frame; `future` gets the function's result."""

    function: Callable[[Any], Any]
    deadline: float
    future: Future = field(default_factory=Future)


class FrameHistory:
    """Stamps of the frames tracked last, those that a prompt can still condition.

    Args:
        length: frames to remember, 0 or more.
    """

    def __init__(self, length: int) -> None:
        self._frames: deque[tuple[int, int]] = deque(maxlen=max(length, 0))  # (stamp, index)
        self.newest_ns: int | None = None

    def append(self, stamp_ns: int, frame_index: int) -> None:
        """Remember a tracked frame."""
        self._frames.append((stamp_ns, frame_index))
        self.newest_ns = stamp_ns

    def clear(self) -> None:
        """Forget all frames."""
        self._frames.clear()
        self.newest_ns = None

    @property
    def oldest_ns(self) -> int | None:
        """Stamp of the oldest frame a prompt can condition [ns], or None."""
        return self._frames[0][0] if self._frames else None

    def nearest(self, stamp_ns: int) -> tuple[int, int]:
        """Stamp [ns] and index of the remembered frame nearest in time; there must be one."""
        position = bisect_left(self._frames, (stamp_ns, -1))
        neighbours = [self._frames[i] for i in (position - 1, position) if self._has(i)]
        return min(neighbours, key=lambda frame: abs(frame[0] - stamp_ns))

    def _has(self, position: int) -> bool:
        return 0 <= position < len(self._frames)


@dataclass(frozen=True)
class PromptTarget:
    """The frame a prompt conditions.

    Attributes:
        frame_index: index of a past frame, or None for the one that is tracked next.
        moved_ns: stamp of that frame minus the stamp asked for [ns].
    """

    frame_index: int | None
    moved_ns: int = 0


def find_target(
    stamp_ns: int, history: FrameHistory, next_ns: int | None = None
) -> PromptTarget | None:
    """Find the frame that prompts with this stamp condition.

    A stamp whose own frame was dropped goes to the nearest frame that was not.

    Args:
        stamp_ns: stamp of the frame that was looked at [ns]; 0 = the next frame.
        history: the frames tracked so far.
        next_ns: stamp of the frame about to be tracked [ns]; None when there is none yet.

    Returns:
        the target, or None when the frame may still come.

    Raises:
        RequestError: the frame is too old, or no frame near it was tracked.
    """
    if stamp_ns == NEWEST_FRAME:
        return None if next_ns is None else PromptTarget(None)
    newest = history.newest_ns
    if newest is not None and stamp_ns <= newest:
        return _past_target(stamp_ns, history)
    if next_ns is None or next_ns < stamp_ns:
        return None
    if history.oldest_ns is not None and stamp_ns - newest < next_ns - stamp_ns:
        return _past_target(stamp_ns, history)
    return _near_enough(PromptTarget(None, next_ns - stamp_ns), stamp_ns)


def _past_target(stamp_ns: int, history: FrameHistory) -> PromptTarget:
    oldest = history.oldest_ns
    if oldest is None:
        raise RequestError(
            f'the prompted frame ({format_stamp(stamp_ns)}) is past and no past frames are kept; '
            'use stamp 0 for the newest frame, or set tracking.prompt_buffer_frames above 0'
        )
    if stamp_ns < oldest:
        raise RequestError(
            f'the prompted frame ({format_stamp(stamp_ns)}) is older than the frames kept for '
            f'prompts, which begin at {format_stamp(oldest)}; prompt a newer frame, use stamp 0 '
            'for the newest one, or raise tracking.prompt_buffer_frames'
        )
    nearest_ns, index = history.nearest(stamp_ns)
    return _near_enough(PromptTarget(index, nearest_ns - stamp_ns), stamp_ns)


def _near_enough(target: PromptTarget, stamp_ns: int) -> PromptTarget:
    if abs(target.moved_ns) > MAX_STAMP_DISTANCE_NS:
        raise RequestError(
            f'the prompted frame ({format_stamp(stamp_ns)}) was not tracked and the nearest one '
            f'is {abs(target.moved_ns) / 1e6:.0f} ms away; prompt a frame that was tracked, or '
            'use stamp 0 for the newest one'
        )
    return target


def format_stamp(stamp_ns: int) -> str:
    """Write a stamp the way ros2 tools do: seconds, dot, nanoseconds."""
    return f'stamp {stamp_ns // 1_000_000_000}.{stamp_ns % 1_000_000_000:09d}'


class RequestQueue:
    """Requests from any thread to the inference thread, each answered through its future.

    A request that its deadline finds waiting is taken back and fails; one that the inference
    thread has claimed is always answered by it.

    Args:
        wake: event set whenever a request arrives.
    """

    def __init__(self, *, wake: threading.Event | None = None) -> None:
        self._wake = wake or threading.Event()
        self._lock = threading.Lock()
        self._calls: deque[CallRequest] = deque()
        self._prompts: deque[PromptRequest] = deque()
        self._closed = ''

    def __len__(self) -> int:
        """Return how many requests wait."""
        return len(self._calls) + len(self._prompts)

    def submit_call(self, function: Callable[[Any], Any], *, timeout_s: float) -> Future:
        """Have `function(tracker)` run between two frames; the future gets what it returns.

        Raises:
            RequestError: the queue was closed.
        """
        request = CallRequest(function, time.monotonic() + timeout_s)
        with self._lock:
            self._check_open()
            self._calls.append(request)
        self._wake.set()
        return request.future

    def submit_prompts(
        self,
        prompts: Sequence[Any],
        *,
        stamp_ns: int,
        allow_update: bool,
        timeout_s: float,
        origin: Origin = Origin.OPERATOR,
    ) -> Future:
        """Have prompts condition their frame; the future gets a PromptOutcome when it is done.

        Raises:
            RequestError: the queue was closed.
        """
        deadline = time.monotonic() + timeout_s
        request = PromptRequest(prompts, stamp_ns, allow_update, deadline, origin)
        with self._lock:
            self._check_open()
            self._prompts.append(request)
        self._wake.set()
        return request.future

    def answer_calls(self, do: Callable[[Callable[[Any], Any]], Any]) -> None:
        """Do the calls that wait, in the order they came.

        Args:
            do: calls the function it is given; who asked gets what it returns or raises.
        """
        with self._lock:
            calls = list(self._calls)
            self._calls.clear()
        for call in calls:
            if not call.future.set_running_or_notify_cancel():
                continue
            try:
                call.future.set_result(do(call.function))
            except Exception as error:  # handed to who asked
                call.future.set_exception(error)
            except BaseException as error:  # as if it were one: it must not end the thread
                call.future.set_exception(RequestError(f'{type(error).__name__}: {error}'))

    def take_prompts(
        self, history: FrameHistory, next_ns: int | None = None
    ) -> list[tuple[PromptRequest, PromptTarget]]:
        """Claim the prompts whose frame is known, those of past frames first.

        Prompts of a past frame wait for a next frame as well, since only then can the tracker
        roll forward. Prompts whose frame cannot be had any more fail at once.

        Args:
            history: the frames tracked so far.
            next_ns: stamp of the frame about to be tracked [ns]; None only fails the hopeless.
        """
        claimed: list[tuple[PromptRequest, PromptTarget]] = []
        hopeless: list[tuple[PromptRequest, RequestError]] = []
        with self._lock:
            requests, self._prompts = self._prompts, deque()
            for request in requests:
                try:
                    target = find_target(request.stamp_ns, history, next_ns)
                except RequestError as error:
                    hopeless.append((request, error))
                    continue
                if target is None or next_ns is None:
                    self._prompts.append(request)
                elif request.future.set_running_or_notify_cancel():
                    claimed.append((request, target))
        for request, error in hopeless:
            _fail(request, error)
        claimed.sort(key=lambda item: _order(item[1]))
        return claimed

    def expire(self, describe: Callable[[PromptRequest | CallRequest], str]) -> int:
        """Fail the requests whose deadline has passed; returns how many there were.

        Args:
            describe: says why a request was not served.
        """
        now = time.monotonic()
        with self._lock:
            late = [r for r in (*self._calls, *self._prompts) if r.deadline <= now]
            self._calls = deque(r for r in self._calls if r.deadline > now)
            self._prompts = deque(r for r in self._prompts if r.deadline > now)
        for request in late:
            _fail(request, RequestError(describe(request)))
        return len(late)

    def fail_all(self, message: str) -> None:
        """Fail everything that waits, because nobody will serve it."""
        with self._lock:
            waiting = [*self._calls, *self._prompts]
            self._calls.clear()
            self._prompts.clear()
        for request in waiting:
            _fail(request, RequestError(message))

    def close(self, message: str) -> None:
        """Fail everything that waits, and from now on whatever is submitted."""
        with self._lock:
            self._closed = message
        self.fail_all(message)

    def _check_open(self) -> None:
        if self._closed:
            raise RequestError(self._closed)


def _fail(request: PromptRequest | CallRequest, error: RequestError) -> None:
    if request.future.set_running_or_notify_cancel():
        request.future.set_exception(error)


def _order(target: PromptTarget) -> float:
    return float('inf') if target.frame_index is None else target.frame_index
