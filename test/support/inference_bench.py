# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""An inference thread with a tracker that can be told to fail."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import numpy as np

from surgsam2_ros.sources.image_encodings import EncodingError
from surgsam2_ros.streaming.frame_slot import FrameSlot, ReceivedFrame
from surgsam2_ros.streaming.inference_thread import InferenceThread
from surgsam2_ros.streaming.requests import RequestQueue
from surgsam2_ros.tracking import FrameResult, ObjectInfo, Prompt, PromptError, TrackState

MS = 1_000_000
START = 100_000 * MS
BROKEN, UNREADABLE, UNFORESEEN = 'broken', 'unreadable', 'unforeseen'


class ScriptedTracker:
    """Counts frames and objects; fails on frames whose message says so, without their prompts."""

    def __init__(self):
        self.frame_index = 0
        self.ids: list[str] = []
        self.tracked_ids: list[str] = []
        self.prompted_frames: list[int | None] = []
        self.stamps_ns: list[int | None] = []
        self.prepared = 0
        self.prepare_error: Exception | None = None
        self.track_error: Exception | None = None
        self.remember_error: Exception | None = None
        self.remembered: list[int] = []  # how many frames had been published each time
        self.count_published = lambda: 0
        self.wait_for_next = False

    @property
    def objects(self):
        return tuple(
            ObjectInfo(name, number, '', TrackState.TRACKED, 0)
            for number, name in enumerate(self.ids, 1)
        )

    def add_objects(self, prompts, *, allow_update, image_size, frame_index):
        if any(prompt.object_id == 'bad' for prompt in prompts):
            raise PromptError('bad', 'it is bad')
        self.ids += [p.object_id for p in prompts if p.object_id not in self.ids]
        self.prompted_frames.append(frame_index)

    def remove_object(self, object_id):
        self.ids.remove(object_id)

    def reset(self):
        self.ids.clear()
        self.frame_index = 0

    def prepare(self, rgb):
        self.prepared += 1
        if self.prepare_error:
            raise self.prepare_error
        return rgb

    def remember(self):
        self.remembered.append(self.count_published())
        if self.remember_error:
            raise self.remember_error

    def track(self, rgb, stamp_ns, *, remember):
        assert not remember, 'the result comes first'
        self.stamps_ns.append(stamp_ns)
        if self.track_error:
            raise self.track_error
        if rgb.broken:
            self.ids = list(self.tracked_ids)  # as StreamingTracker, see test_checkpoint.py
            raise RuntimeError('out of memory')
        self.tracked_ids = list(self.ids)
        if self.wait_for_next:
            deadline = time.monotonic() + 5.0
            while self.prepared <= self.frame_index:  # all frames but the first are prepared
                assert time.monotonic() < deadline, 'the next frame was not encoded meanwhile'
                time.sleep(0.001)
        result = FrameResult(self.frame_index, np.zeros((4, 4), np.uint8), ())
        self.frame_index += 1
        return result


@dataclass
class DecodedImage:
    """What decoding gives."""

    broken: bool
    shape = (4, 4, 3)


@dataclass
class Bench:
    """An inference thread and all that it said."""

    tracker: ScriptedTracker = field(default_factory=ScriptedTracker)
    published: list = field(default_factory=list)
    problems: list = field(default_factory=list)
    dropped: int = 0
    load_error: Exception | None = None
    publish_error: Exception | None = None
    now_ns: int = START
    encode_ahead: bool = False

    def __post_init__(self):
        wake = threading.Event()
        self.slot = FrameSlot('every_frame', wake=wake)
        self.requests = RequestQueue(wake=wake)
        self.thread = InferenceThread(
            load=self.load,
            slot=self.slot,
            requests=self.requests,
            wake=wake,
            decode=self.decode,
            publish=self.publish,
            on_dropped=self.count_dropped,
            report=lambda kind, text: self.problems.append((kind, text)),
            now_ns=lambda: self.now_ns,
            replay_frames=10,
        )
        self.thread.encode_ahead = self.encode_ahead

    def load(self):
        if self.load_error:
            raise self.load_error
        return self.tracker

    def publish(self, frame):
        error, self.publish_error = self.publish_error, None
        if error:
            raise error
        self.published.append(frame)

    def decode(self, message):
        if message == UNREADABLE:
            raise EncodingError('truncated')
        if message == UNFORESEEN:
            raise KeyError('step')
        return DecodedImage(broken=message == BROKEN)

    def count_dropped(self, count):
        self.dropped += count

    def send(self, offset_ms: float = 0.0, message='good'):
        self.slot.put(ReceivedFrame(message, START + int(offset_ms * MS), START))

    def prompt(self, *ids, offset_ms: float | None = None):
        stamp_ns = 0 if offset_ms is None else START + int(offset_ms * MS)
        prompts = [Prompt(object_id) for object_id in ids]
        return self.requests.submit_prompts(
            prompts, stamp_ns=stamp_ns, allow_update=True, timeout_s=9.0
        )

    def settle(self):
        """Wait until everything sent so far has been worked off."""
        self.requests.submit_call(lambda tracker: None, timeout_s=9.0).result(timeout=5)
        while len(self.slot):
            self.requests.submit_call(lambda tracker: None, timeout_s=9.0).result(timeout=5)
        assert self.thread.wait_idle(5.0)
