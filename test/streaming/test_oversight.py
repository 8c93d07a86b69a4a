# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The overseer at work beside the inference thread, with a tracker that sees what it is told."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from surgsam2_ros.discovery import Action, DiscoverySettings
from surgsam2_ros.streaming.detections import Detections
from surgsam2_ros.streaming.frame_slot import FrameSlot, ReceivedFrame
from surgsam2_ros.streaming.inference_thread import InferenceThread
from surgsam2_ros.streaming.oversight import Oversight
from surgsam2_ros.streaming.requests import Origin, RequestError, RequestQueue
from surgsam2_ros.tracking import (
    FrameResult,
    MaskCrop,
    ObjectInfo,
    Prompt,
    PromptError,
    Track,
    TrackState,
)
from surgsam2_ros.tracking.proposal import Proposal

SIZE = 60, 80
FRAME_NS = 33_333_333
BOX = (10.0, 10.0, 40.0, 40.0)


class BoxTracker:
    """Sees each object in the box that it was prompted with; `away` ones it does not see."""

    def __init__(self):
        self.frame_index = 0
        self.boxes = {}
        self.away = set()
        self.prompts = []
        self.refuses = ''

    @property
    def objects(self):
        return tuple(
            ObjectInfo(name, number, '', TrackState.TRACKED, 0)
            for number, name in enumerate(self.boxes, 1)
        )

    def add_objects(self, prompts, *, allow_update, image_size, frame_index):
        for prompt in prompts:
            if self.refuses:
                raise PromptError(prompt.object_id, self.refuses)
            if prompt.object_id in self.boxes and not allow_update:
                raise PromptError(prompt.object_id, 'the object exists already')
            self.boxes[prompt.object_id] = prompt.box
            self.prompts.append((prompt.object_id, frame_index))

    def remove_object(self, object_id):
        del self.boxes[object_id]

    def reset(self):
        self.boxes.clear()
        self.frame_index = 0

    def prepare(self, rgb):
        return rgb

    def segment(self, rgb, prompts):
        return FrameResult(-1, np.zeros(SIZE, np.uint8), (self._track('outline', prompts[0].box),))

    def track(self, rgb, stamp_ns, *, remember):
        self.frame_index += 1
        tracks = tuple(self._track(name, box) for name, box in self.boxes.items())
        return FrameResult(self.frame_index - 1, np.zeros(SIZE, np.uint8), tracks)

    def remember(self):
        pass

    def _track(self, name, box):
        mask = np.zeros(SIZE, bool)
        left, top, right, bottom = map(int, box)
        if name not in self.away:
            mask[top:bottom, left:right] = True
        state = TrackState.LOST if name in self.away else TrackState.TRACKED
        return Track(name, 1, '', MaskCrop.of(mask), None, 0.9, 0.9, state, 0)


class Camera:
    """An inference thread with an oversight that images are given to one by one."""

    def __init__(self, replay_frames=10, **settings):
        wake = threading.Event()
        self.tracker, self.results, self.told, self.problems = BoxTracker(), [], [], []
        self.slot = FrameSlot('every_frame', capacity=100, wake=wake)
        self.requests = RequestQueue(wake=wake)
        self.thread = InferenceThread(
            load=lambda: self.tracker,
            slot=self.slot,
            requests=self.requests,
            wake=wake,
            decode=lambda message: message,
            publish=self.results.append,
            on_dropped=lambda count: None,
            report=lambda kind, text: self.problems.append(text),
            now_ns=time.time_ns,
            replay_frames=replay_frames,
        )
        self.oversight = Oversight(
            DiscoverySettings('external', **settings),
            max_objects=10,
            replay_frames=replay_frames,
            requests=self.requests,
            tell=self.told.append,
            report=lambda kind, text: self.problems.append(text),
        )
        self.thread.oversight = self.oversight
        self.thread.start()
        self.stamp_ns = 1_000_000_000

    def show(self, *boxes, count=1, stamp_ns=None, size=SIZE):
        """Have images tracked, each with detections that are there before it."""
        for _ in range(count):
            self.stamp_ns += FRAME_NS
            stamp = self.stamp_ns if stamp_ns is None else stamp_ns
            proposals = [Proposal(box, 0.9) for box in boxes]
            self.oversight.take(Detections(stamp, size, proposals))
            before = len(self.results)
            self.slot.put(
                ReceivedFrame(np.zeros((*SIZE, 3), np.uint8), self.stamp_ns, self.stamp_ns)
            )
            deadline = time.monotonic() + 10.0
            while len(self.results) == before or not self.thread.wait_idle(1.0):
                assert time.monotonic() < deadline, self.problems
                time.sleep(0.001)

    @property
    def done(self):
        return [(one.action, one.object_id) for one in self.told]


@pytest.fixture
def make():
    cameras = []

    def start(**options):
        cameras.append(Camera(**options))
        return cameras[-1]

    yield start
    for camera in cameras:
        camera.thread.stop()


@pytest.fixture
def camera(make):
    return make()


def test_a_decision_prompts_the_image_that_it_was_made_on(camera):
    camera.show(BOX, count=6)
    assert camera.tracker.prompts == [('found_1', 2)]  # of the images 0, 1 and 2
    assert camera.done == [(Action.START, 'found_1')]
    assert camera.told[0].seen_in.frame_index == 2


def test_without_past_images_it_prompts_the_next_one(make):
    camera = make(replay_frames=0)
    camera.show(BOX, count=6)
    assert camera.tracker.prompts == [('found_1', None)]


def test_a_decision_is_told_once_it_was_carried_out(camera):
    camera.show(BOX, count=3)
    assert camera.told == []
    camera.show(BOX)
    assert camera.done == [(Action.START, 'found_1')]


def test_a_decision_that_the_tracker_refuses_is_told_and_not_repeated_at_once(camera):
    camera.tracker.refuses = 'it lies beside the lit view'
    camera.show(BOX, count=20)
    ((action, _),) = camera.done
    assert action is Action.REFUSE and 'beside the lit view' in camera.told[0].why
    camera.show(BOX, count=60)  # two seconds later
    assert len(camera.told) == 2


def test_an_object_that_an_operator_prompts_is_the_operators(make):
    camera = make(end_after_s=1.0)
    camera.show(BOX, count=5)
    answer = camera.requests.submit_prompts(
        [Prompt('found_1', box=BOX)], stamp_ns=0, allow_update=True, timeout_s=5.0
    )
    camera.show(BOX)
    answer.result(5.0)
    camera.tracker.away.add('found_1')
    camera.show(count=60)
    assert camera.done == [(Action.START, 'found_1')]


def test_an_object_that_is_not_prompted_by_an_operator_ends(make):
    camera = make(end_after_s=1.0)
    camera.show(BOX, count=5)
    camera.tracker.away.add('found_1')
    camera.show(count=40)
    assert camera.done == [(Action.START, 'found_1'), (Action.END, 'found_1')]
    assert camera.tracker.boxes == {}


def test_of_two_prompts_for_an_image_the_operators_counts(camera):
    camera.show(BOX, count=3)  # found_1 is on its way
    answer = camera.requests.submit_prompts(
        [Prompt('found_1', box=(50.0, 10.0, 70.0, 30.0))],
        stamp_ns=0,
        allow_update=False,
        timeout_s=5.0,
    )
    camera.show()
    answer.result(5.0)
    assert camera.tracker.boxes == {'found_1': (50.0, 10.0, 70.0, 30.0)}
    ((action, name),) = camera.done
    assert (action, name) == (Action.REFUSE, 'found_1')
    assert 'an operator prompted it meanwhile' in camera.told[0].why


def test_an_object_that_was_removed_is_not_brought_back_by_a_correction(camera):
    camera.show(BOX, count=5)
    answer = camera.requests.submit_prompts(
        [Prompt('gone', box=BOX)],
        stamp_ns=0,
        allow_update=True,
        timeout_s=5.0,
        origin=Origin.OVERSEER,
    )
    camera.show(BOX)
    with pytest.raises(RequestError, match='removed meanwhile'):
        answer.result(5.0)
    assert set(camera.tracker.boxes) == {'found_1'}


def test_after_a_reset_names_begin_anew(camera):
    camera.show(BOX, count=5)
    camera.requests.submit_call(lambda _: camera.thread.reset(), timeout_s=5.0).result(5.0)
    camera.show(BOX, count=6)
    assert camera.done == [(Action.START, 'found_1')] * 2


def test_detections_that_come_before_their_image_wait_for_it(camera):
    camera.show()
    for ahead in (1, 2, 3):
        camera.oversight.take(
            Detections(camera.stamp_ns + ahead * FRAME_NS, SIZE, [Proposal(BOX, 0.9)])
        )
    for _ in range(4):
        camera.show(stamp_ns=0)
    assert ('found_1', 3) in camera.tracker.prompts


@pytest.mark.parametrize(
    ('options', 'named'),
    [
        ({'size': (600, 800)}, 'they are for an image of 800x600, the camera has 80x60'),
        ({'stamp_ns': 5}, 'older than the frames kept'),
    ],
)
def test_detections_for_no_image_that_is_tracked_are_named(camera, options, named):
    camera.show()
    camera.show(BOX, count=5, **options)
    assert camera.told == [] and len(camera.problems) == 5
    assert all(named in text for text in camera.problems)


def test_of_many_that_wait_the_oldest_is_dropped(camera):
    for number in range(40):
        camera.oversight.take(Detections(camera.stamp_ns + 10**12 + number, SIZE, []))
    assert len(camera.problems) == 8
    assert 'more than 32 answers wait' in camera.problems[0]


def test_an_error_in_a_decision_does_not_end_the_tracking(camera, monkeypatch):
    monkeypatch.setattr(camera.oversight._overseer, 'see', lambda image: 1 / 0)
    camera.show(BOX, count=3)
    assert len(camera.results) == 3
    assert 'nothing was decided: ZeroDivisionError' in camera.problems[0]
