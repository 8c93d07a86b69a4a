# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The thread that owns the network, the tracker and the device, and turns frames into results.

Frames come from a FrameSlot and requests from a RequestQueue; how a message is decoded, what
happens to a result and who hears of problems is given from outside. Knows nothing of ROS.
"""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from surgsam2_ros.network.device_errors import empty_cache, is_device_lost, is_out_of_memory
from surgsam2_ros.sources.image_encodings import EncodingError
from surgsam2_ros.streaming.frame_preparation import DecodedFrame, FramePreparation
from surgsam2_ros.streaming.frame_slot import FrameSlot, ReceivedFrame
from surgsam2_ros.streaming.oversight import Oversight
from surgsam2_ros.streaming.prompt_intake import Accepted, PromptIntake, count_replayed
from surgsam2_ros.streaming.requests import (
    FrameHistory,
    RequestError,
    RequestQueue,
    format_stamp,
)
from surgsam2_ros.streaming.snapshots import SnapshotKeeper
from surgsam2_ros.streaming.stamp_order import Order, StampOrder, describe_age
from surgsam2_ros.streaming.tracked_frame import PromptOutcome, TrackedFrame
from surgsam2_ros.streaming.watchdog import Work, WorkLog
from surgsam2_ros.tracking import ObjectInfo, StreamingTracker

_STOP_TIMEOUT_S = 10.0
_MOMENT_S = 0.6
_PAUSE_S = 0.05  # after an error that nobody foresaw, lest it fill the log


def _never() -> bool:
    return False


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
        self.snapshots: SnapshotKeeper | None = None  # `load` may set it, and the session
        self.oversight: Oversight | None = None  # finds instruments by themselves; None = nobody
        self.session = time.time_ns()  # differs from that of any other start
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
        self._prompts = PromptIntake(
            requests, self._history, lambda text: report('inference', text)
        )
        self._frames: FramePreparation | None = None
        self._order = StampOrder()
        self._dropped_since_last = 0
        self._log = WorkLog()
        self._lost_device = ''
        self._tell_alive: Callable[[], None] = lambda: None
        self._alive_period_s: float | None = None
        self._frees = True
        self._tracker: StreamingTracker | None = None
        self._load_error: BaseException | None = None
        self._loaded = threading.Event()
        self._stop = threading.Event()
        self._idle = threading.Event()
        self._thread = threading.Thread(target=self._run, name='inference', daemon=True)

    def start(self, is_cancelled: Callable[[], bool] = _never) -> None:
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

    def tell_alive(self, tell: Callable[[], None], period_s: float) -> None:
        """Have `tell` called on the thread after each result, and each period while it waits."""
        self._tell_alive, self._alive_period_s = tell, period_s

    def wait_idle(self, timeout_s: float, is_cancelled: Callable[[], bool] = _never) -> bool:
        """Wait until no frame waits or is being tracked; False when the time was not enough."""
        deadline = time.monotonic() + timeout_s
        while len(self._slot) or len(self._frames) or not self._idle.is_set():
            if time.monotonic() >= deadline or is_cancelled():
                return False
            time.sleep(0.005)
        return True

    @property
    def work(self) -> Work | None:
        """What is in hand, or None."""
        if self._log.current is not None or self._frames is None:
            return self._log.current
        return self._frames.work

    @property
    def frame_s(self) -> float:
        """Time that a frame takes [s]; 0 before the first."""
        return self._log.frame_s

    @property
    def failure(self) -> str:
        """Why nothing can be tracked any more, until `stop`; empty while it can."""
        if self._lost_device or self._stop.is_set() or self._thread.is_alive():
            return self._lost_device
        return 'the inference thread has ended'

    def stop(self, timeout_s: float = 10.0, is_cancelled: Callable[[], bool] = _never) -> bool:
        """End the thread and free the network; False when it still holds on to its memory.

        Once `is_cancelled` says so, as when the process ends, there is no time left but a moment,
        and freeing, which takes seconds on a busy machine, is left to the system.
        """
        self._frees = not is_cancelled()
        self._stop.set()
        self._wake.set()
        self._requests.close('the tracker was shut down; configure and activate the node')
        deadline = time.monotonic() + timeout_s
        while self._thread.is_alive() and time.monotonic() < deadline:
            if is_cancelled():
                deadline = min(deadline, time.monotonic() + _MOMENT_S)
                is_cancelled = _never
            self._thread.join(0.05)
        return not (self._thread.is_alive() or self._lost_device)

    def _run(self) -> None:
        try:
            self._tracker = self._load()
            self._note_objects()
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
            self._show_life()
            if not self._wake.wait(self._alive_period_s):
                continue
            self._wake.clear()
            self._idle.clear()
            try:
                self._serve()
            except BaseException as error:  # nothing but `stop` ends this thread
                self._report('inference', f'an image was lost: {_describe(error)}')
                self._stop.wait(_PAUSE_S)
                self._wake.set()
            self._log.end()
            self._idle.set()
        self._frames.stop(_STOP_TIMEOUT_S)
        if self._frees:
            self._free()

    def _serve(self) -> None:
        """Work until no frame and no request waits."""
        while not self._stop.is_set():
            if self._lost_device:
                self._requests.fail_all(self._lost_device)
            self._requests.answer_calls(self._do)
            self._requests.take_prompts(self._history)
            self._log.begin('the next image')
            frame, dropped = self._frames.take()
            self.count_dropped(dropped)
            if frame is None:
                return
            self._take_up(frame)
            # Without objects nothing is encoded, and the newest frame is taken as it comes.
            self._frames.ahead = self.encode_ahead and bool(self.objects)

    def _do(self, function: Callable[[StreamingTracker], Any]) -> Any:
        """Do what a request asks for."""
        self._log.begin('a request')
        try:
            answer = function(self._tracker)
        except BaseException as error:
            self._note_lost_device(error)
            raise
        self._note_objects()
        if self.snapshots is not None:
            self.snapshots.call_done(self._tracker, self.session)
        return answer

    def _note_objects(self) -> None:
        self.objects = tuple(self._tracker.objects)

    def _take_up(self, frame: DecodedFrame) -> None:
        """Take one frame through prompts, tracking and publishing."""
        received = frame.received
        if self._lost_device:
            self.count_dropped(1)
            return
        if self._is_too_old(received):
            return
        if frame.error is not None:
            known = isinstance(frame.error, EncodingError)
            reason = str(frame.error) if known else _describe(frame.error)
            self._count_failed('image', f'image was not read: {reason}')
            return
        if not self._comes_in_order(received.stamp_ns):
            return
        accepted = self._prompts.take(self._tracker, received.stamp_ns, frame.rgb.shape[:2])
        self._log.begin_frame(
            f'the image of {format_stamp(received.stamp_ns)}',
            frames=1 + count_replayed(accepted, self._tracker.frame_index),
            objects=len(self._tracker.objects),
        )
        try:
            tracked = self._track_with_memory(frame, accepted)
        except BaseException as error:  # one bad frame must not end the stream
            text = f'tracking failed on {format_stamp(received.stamp_ns)}: {_describe(error)}'
            self._count_failed('inference', text)
            self._note_lost_device(error)
            for request, _ in accepted:  # the tracker has taken back what they did
                request.future.set_exception(RequestError(text))
            return
        self._hand_out(tracked)
        self._remember(received.stamp_ns)
        if self.snapshots is not None:
            self.snapshots.frame_done(self._tracker, self.session, prompted=bool(accepted))
        for request, target in accepted:
            request.future.set_result(PromptOutcome(self.objects, target.moved_ns))
        if self.oversight is not None:
            self.oversight.frame_done(self._tracker, tracked, [request for request, _ in accepted])

    def _track_with_memory(self, frame: DecodedFrame, accepted: list[Accepted]) -> TrackedFrame:
        """Track a frame, a second time when the device was short of memory."""
        try:
            return self._track(frame)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            text = f'{format_stamp(frame.received.stamp_ns)}: {_describe(error)}'
        empty_cache()  # not before the error is gone, which holds on to tensors
        self._prompts.repeat(self._tracker, accepted, frame.rgb.shape[:2])
        tracked = self._track(frame)
        self._report('memory', f'memory was short, the second attempt succeeded on {text}')
        return tracked

    def _track(self, frame: DecodedFrame) -> TrackedFrame:
        started = time.perf_counter()
        received = frame.received
        image = frame.rgb if frame.prepared is None else frame.prepared
        stamp_ns = received.stamp_ns or None  # 0 is none
        result = self._tracker.track(image, stamp_ns, remember=False)
        inference_ms = (time.perf_counter() - started) * 1e3 + frame.prepare_ms
        self._log.end_frame(inference_ms / 1e3, objects=len(self._tracker.objects))
        self._history.append(received.stamp_ns, result.frame_index)
        dropped, session = self._dropped_since_last, self.session
        return TrackedFrame(received, frame.rgb, result, dropped, inference_ms, session)

    def _hand_out(self, tracked: TrackedFrame) -> None:
        self._note_objects()
        try:
            self._publish(tracked)
        except Exception as error:  # one bad frame must not end the stream
            self._count_failed('publish', f'a result was not published: {_describe(error)}')
            return
        self._dropped_since_last = 0
        self._show_life()

    def _remember(self, stamp_ns: int) -> None:
        """Have the tracker remember a frame whose result is out."""
        try:
            self._tracker.remember()
        except Exception as error:
            self._report('memory', f'{format_stamp(stamp_ns)} was not kept: {_describe(error)}')
            self._note_lost_device(error)

    def _show_life(self) -> None:
        if not self.failure:
            try:
                self._tell_alive()
            except Exception as error:  # nothing but `stop` ends this thread
                self._report('publish', f'liveliness was not asserted: {_describe(error)}')

    def _note_lost_device(self, error: BaseException) -> None:
        """Stop trying when no frame can succeed; whoever watches `failure` ends the process."""
        if not self._lost_device and is_device_lost(error):
            self._lost_device = (
                f'the device was lost, restart the process of the node: {_describe(error)}'
            )
            self._report('inference', self._lost_device)

    def expect_jump(self) -> None:
        """Note that the clock was set back; older stamps are then believed at once."""
        self._order.expect_set_back()

    def _is_too_old(self, received: ReceivedFrame) -> bool:
        """Drop a frame that waited or travelled for too long."""
        age_ms = (self._now_ns() - received.stamp_ns) / 1e6
        if not 0.0 < self.max_age_ms < age_ms:
            return False
        self._count_failed('age', describe_age(age_ms, self.max_age_ms))
        return True

    def _comes_in_order(self, stamp_ns: int) -> bool:
        """Drop a frame that comes late; when the clock was set back, go on from there."""
        newest_ns = self._order.newest_ns
        order = self._order.judge(stamp_ns)
        if order is Order.LATE:
            text = f'image with {format_stamp(stamp_ns)} arrived after a newer one and was dropped'
            self._count_failed('order', text)
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
        if self.snapshots is not None:
            self.snapshots.discard()
        self._history.clear()
        self._order.forget()
        self.session += 1
        self.objects = ()

    def count_dropped(self, frames: int) -> None:
        """Count images that nobody will track; for another thread, while this one is idle."""
        if frames:
            self._dropped_since_last += frames
            self._on_dropped(frames)

    def _count_failed(self, kind: str, text: str) -> None:
        self.count_dropped(1)
        self._report(kind, text)

    def _free(self) -> None:
        """Give the network's memory back to the device."""
        if self.snapshots is not None:
            self.snapshots.close()
        self._tracker = None
        self.objects = ()
        gc.collect()
        with contextlib.suppress(RuntimeError):  # of a lost device
            empty_cache()


def _describe(error: BaseException) -> str:
    return f'{type(error).__name__}: {error}'
