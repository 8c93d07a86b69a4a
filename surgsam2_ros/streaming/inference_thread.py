# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The thread that owns the network, the tracker and the device, and turns frames into results.

Frames come from a FrameSlot and requests from a RequestQueue; how a message is decoded, what
happens to a result and who hears of problems is given from outside. Knows nothing of ROS.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from surgsam2_ros.sources.image_encodings import EncodingError
from surgsam2_ros.streaming.frame_preparation import DecodedFrame, FramePreparation
from surgsam2_ros.streaming.frame_slot import FrameSlot, ReceivedFrame
from surgsam2_ros.streaming.requests import (
    FrameHistory,
    PromptRequest,
    PromptTarget,
    RequestError,
    RequestQueue,
    format_stamp,
)
from surgsam2_ros.streaming.stamp_order import Order, StampOrder
from surgsam2_ros.tracking import FrameResult, ObjectInfo, PromptError, StreamingTracker

_STOP_TIMEOUT_S = 10.0
_PAUSE_S = 0.05  # after an error that nobody foresaw, lest it fill the log


@dataclass(frozen=True, eq=False)
class TrackedFrame:
    """One frame with what was found in it.

    Attributes:
        received: the image message, its stamp and its time of arrival.
        rgb: the decoded image, uint8 [H, W, 3].
        result: what the tracker found.
        dropped_since_last: frames that went untracked since the previous TrackedFrame.
        inference_ms: time that network and tracker took for this frame, waits left out [ms].
        session: number that changes when all objects are forgotten.
    """

    received: ReceivedFrame
    rgb: np.ndarray
    result: FrameResult
    dropped_since_last: int
    inference_ms: float
    session: int


@dataclass(frozen=True)
class PromptOutcome:
    """Answer to a PromptRequest that was fulfilled.

    Attributes:
        objects: all living objects (tracking.ObjectInfo).
        moved_ns: stamp of the conditioned frame minus the stamp asked for [ns].
    """

    objects: tuple[Any, ...]
    moved_ns: int


class InferenceThread:
    """Runs a StreamingTracker in a thread of its own.

    Args:
        load: makes the tracker, on the thread that will use it.
        slot, requests: where frames and requests come from.
        wake: the event both of them set.
        decode: image message -> rgb uint8 [H, W, 3]; raises EncodingError.
        publish: receives every TrackedFrame, on this thread.
        on_dropped: receives the number of frames that went untracked, on this thread.
        report: receives (kind, text) of every problem, on this thread.
        now_ns: the clock that stamps are compared with [ns].
        replay_frames: past frames that prompts can still condition.
    """

    def __init__(
        self,
        *,
        load: Callable[[], StreamingTracker],
        slot: FrameSlot,
        requests: RequestQueue,
        wake: threading.Event,
        decode: Callable[[Any], np.ndarray],
        publish: Callable[[TrackedFrame], None],
        on_dropped: Callable[[int], None],
        report: Callable[[str, str], None],
        now_ns: Callable[[], int],
        replay_frames: int = 0,
    ) -> None:
        self.max_age_ms = 0.0  # drop frames older than this when taken up; 0 = never
        self.reset_on_jump = False  # forget all objects when image stamps go back for good
        self.encode_ahead = False  # encode the next frame in a second thread while one is tracked
        self.last_result: TrackedFrame | None = None
        self.objects: tuple[ObjectInfo, ...] = ()  # that live, as of the newest frame or request
        self._load = load
        self._slot = slot
        self._requests = requests
        self._wake = wake
        self._decode = decode
        self._publish = publish
        self._on_dropped = on_dropped
        self._report = report
        self._now_ns = now_ns
        self._history = FrameHistory(replay_frames)
        self._frames: FramePreparation | None = None
        self._order = StampOrder()
        self._dropped_since_last = 0
        self._session = time.time_ns()  # differs from that of any other start
        self._tracker: StreamingTracker | None = None
        self._load_error: BaseException | None = None
        self._loaded = threading.Event()
        self._stop = threading.Event()
        self._idle = threading.Event()
        self._thread = threading.Thread(target=self._run, name='inference', daemon=True)

    def start(self, is_cancelled: Callable[[], bool] = lambda: False) -> None:
        """Start the thread and wait until the tracker is loaded.

        Raises:
            whatever `load` raised; InterruptedError when `is_cancelled` said so.
        """
        self._thread.start()
        while not self._loaded.wait(0.1):
            if is_cancelled():
                self._stop.set()
                raise InterruptedError('loading was interrupted by a shutdown')
        if self._load_error is not None:
            error, self._load_error = self._load_error, None
            self._thread.join()
            raise error

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until no frame waits or is being tracked; False when the time was not enough."""
        deadline = time.monotonic() + timeout_s
        while (len(self._slot) or len(self._frames)) and time.monotonic() < deadline:
            time.sleep(0.005)
        return self._idle.wait(max(deadline - time.monotonic(), 0.0))

    def stop(self, timeout_s: float = 10.0) -> bool:
        """End the thread and free the network; False when it did not end in time."""
        self._stop.set()
        self._wake.set()
        self._requests.fail_all('the tracker was shut down; configure and activate the node')
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._tracker = self._load()
            self._frames = FramePreparation(
                self._slot, self._decode, self._tracker.prepare, self._wake.set
            )
        except BaseException as error:  # handed to who called start
            self._load_error = error
            return
        finally:
            self._loaded.set()
        self._idle.set()
        while not self._stop.is_set():
            self._wake.wait()
            self._wake.clear()
            self._idle.clear()
            try:
                self._serve()
            except Exception as error:  # nothing but `stop` ends this thread
                self._report('inference', f'an image was lost: {_describe(error)}')
                self._stop.wait(_PAUSE_S)
                self._wake.set()
            self._idle.set()
        self._frames.stop(_STOP_TIMEOUT_S)
        self._free()

    def _serve(self) -> None:
        """Work until no frame and no request waits."""
        while not self._stop.is_set():
            self._answer_calls()
            self._requests.take_prompts(self._history)
            frame, dropped = self._frames.take()
            self._count_dropped(dropped)
            if frame is None:
                return
            self._take_up(frame)
            # Without objects nothing is encoded, and the newest frame is taken as it comes.
            self._frames.ahead = self.encode_ahead and bool(self.objects)

    def _answer_calls(self) -> None:
        for call in self._requests.take_calls():
            try:
                answer = call.function(self._tracker)
                self.objects = tuple(self._tracker.objects)
                call.future.set_result(answer)
            except Exception as error:  # handed to who asked
                call.future.set_exception(error)

    def _take_up(self, frame: DecodedFrame) -> None:
        """Take one frame through prompts, tracking and publishing."""
        received = frame.received
        if self._is_too_old(received):
            return
        if frame.error is not None:
            known = isinstance(frame.error, EncodingError)
            reason = str(frame.error) if known else _describe(frame.error)
            self._count_failed('image', f'image was not read: {reason}')
            return
        if not self._comes_in_order(received.stamp_ns):
            return
        accepted = self._apply_prompts(received.stamp_ns, frame.rgb.shape[:2])
        try:
            tracked = self._track(frame)
        except Exception as error:  # one bad frame must not end the stream
            text = f'tracking failed on {format_stamp(received.stamp_ns)}: {_describe(error)}'
            self._count_failed('inference', text)
            for request, _ in accepted:  # the tracker has taken back what they did
                request.future.set_exception(RequestError(text))
            return
        self._hand_out(tracked)
        for request, target in accepted:
            request.future.set_result(PromptOutcome(self.objects, target.moved_ns))

    def _track(self, frame: DecodedFrame) -> TrackedFrame:
        started = time.perf_counter()
        result = self._tracker.track(frame.rgb if frame.prepared is None else frame.prepared)
        inference_ms = (time.perf_counter() - started) * 1e3 + frame.prepare_ms
        received = frame.received
        self._history.append(received.stamp_ns, result.frame_index)
        dropped, session = self._dropped_since_last, self._session
        return TrackedFrame(received, frame.rgb, result, dropped, inference_ms, session)

    def _hand_out(self, tracked: TrackedFrame) -> None:
        self.last_result = tracked
        self.objects = tuple(self._tracker.objects)
        try:
            self._publish(tracked)
        except Exception as error:  # one bad frame must not end the stream
            self._count_failed('publish', f'a result was not published: {_describe(error)}')
            return
        self._dropped_since_last = 0

    def _apply_prompts(
        self, stamp_ns: int, image_size: tuple[int, int]
    ) -> list[tuple[PromptRequest, PromptTarget]]:
        """Give the tracker the prompts this frame lets in; returns those it accepted."""
        accepted = []
        for request, target in self._requests.take_prompts(self._history, stamp_ns):
            try:
                self._tracker.add_objects(
                    request.prompts,
                    allow_update=request.allow_update,
                    image_size=image_size,
                    frame_index=target.frame_index,
                )
            except PromptError as error:
                object_ids = [error.object_id] if error.object_id else []
                request.future.set_exception(RequestError(str(error), object_ids))
            except Exception as error:  # handed to who asked
                text = f'prompts were not taken: {_describe(error)}'
                self._report('inference', text)
                request.future.set_exception(RequestError(text))
            else:
                accepted.append((request, target))
        return accepted

    def expect_jump(self) -> None:
        """Note that the clock was set back; older stamps are then believed at once."""
        self._order.expect_set_back()

    def _is_too_old(self, received: ReceivedFrame) -> bool:
        """Drop a frame that waited or travelled for too long."""
        age_ms = (self._now_ns() - received.stamp_ns) / 1e6
        if 0.0 < self.max_age_ms < age_ms:
            self._count_dropped(1)
            self._report(
                'age',
                f'image is {age_ms:.0f} ms old, more than input.max_age_ms = '
                f'{self.max_age_ms:g}, and was dropped; if images come from a bag, replay with '
                '/clock and set use_sim_time',
            )
            return True
        return False

    def _comes_in_order(self, stamp_ns: int) -> bool:
        """Drop a frame that comes late; when the clock was set back, go on from there."""
        newest_ns = self._order.newest_ns
        order = self._order.judge(stamp_ns)
        if order is Order.LATE:
            self._count_dropped(1)
            self._report(
                'order',
                f'image with {format_stamp(stamp_ns)} arrived after a newer one and was dropped',
            )
        elif order is Order.SET_BACK:
            self._history.clear()  # of stamps; memories do not depend on them
            outcome = 'tracking goes on'
            if self.reset_on_jump:
                self.reset()
                self._order.judge(stamp_ns)
                outcome = 'all objects were forgotten (input.reset_on_jump), prompt them again'
            apart_s = (newest_ns - stamp_ns) / 1e9
            self._report('jump', f'image stamps jumped back by {apart_s:.3f} s; {outcome}')
        return order is not Order.LATE

    def reset(self) -> None:
        """Forget all objects and past frames. To be called on this thread: from a request."""
        self._tracker.reset()
        self._history.clear()
        self._order.forget()
        self._session += 1
        self.last_result = None
        self.objects = ()

    def count_dropped(self, frames: int) -> None:
        """Count images that nobody will track; for another thread, while this one is idle."""
        self._count_dropped(frames)

    def _count_dropped(self, frames: int) -> None:
        if frames:
            self._dropped_since_last += frames
            self._on_dropped(frames)

    def _count_failed(self, kind: str, text: str) -> None:
        self._count_dropped(1)
        self._report(kind, text)

    def _free(self) -> None:
        """Give the network's memory back to the device."""
        self._tracker = None
        self.last_result = None
        self.objects = ()
        gc.collect()
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _describe(error: Exception) -> str:
    return f'{type(error).__name__}: {error}'
