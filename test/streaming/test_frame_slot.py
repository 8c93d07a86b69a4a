# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tests of the slot between the camera callback and the inference thread."""

from __future__ import annotations

import threading
import time

import pytest

from surgsam2_ros.streaming.frame_slot import FrameSlot, ReceivedFrame, Rhythm


def frame(number: int) -> ReceivedFrame:
    return ReceivedFrame(message=number, stamp_ns=number, received_ns=number)


def take_all(slot: FrameSlot) -> tuple[list[int], int]:
    taken, dropped = [], 0
    while True:
        received, count = slot.take()
        dropped += count
        if received is None:
            return taken, dropped
        taken.append(received.message)


def test_latest_keeps_the_newest_frame_and_counts_the_overwritten():
    slot = FrameSlot('latest')
    for number in range(5):
        slot.put(frame(number))
    received, dropped = slot.take()
    assert received.message == 4
    assert dropped == 4
    assert slot.take() == (None, 0)


def test_every_frame_hands_out_all_frames_in_order():
    slot = FrameSlot('every_frame', capacity=10)
    for number in range(7):
        slot.put(frame(number))
    assert take_all(slot) == (list(range(7)), 0)


def test_every_frame_drops_the_oldest_when_full_and_counts_them():
    slot = FrameSlot('every_frame', capacity=3)
    for number in range(8):
        slot.put(frame(number))
    assert take_all(slot) == ([5, 6, 7], 5)


def test_frames_lost_before_they_arrived_count_as_dropped():
    slot = FrameSlot('latest')
    slot.put(frame(0))
    slot.put(frame(4), lost_before=3)
    assert take_all(slot) == ([4], 4)


def test_clear_counts_what_waited():
    slot = FrameSlot('every_frame', capacity=5)
    slot.put(frame(0))
    slot.put(frame(1))
    assert slot.clear() == 2
    assert take_all(slot) == ([], 2)


def test_dropped_frames_are_told_once_without_a_frame_too():
    slot = FrameSlot('latest')
    slot.put(frame(0))
    slot.put(frame(1))
    slot.clear()
    assert slot.take_dropped() == 2
    assert slot.take_dropped() == 0
    assert take_all(slot) == ([], 0)


def test_put_wakes_the_thread_that_waits():
    wake = threading.Event()
    FrameSlot('latest', wake=wake).put(frame(0))
    assert wake.is_set()


def test_no_frame_is_lost_or_counted_twice_between_threads():
    slot = FrameSlot('latest')
    taken, dropped, done = [], 0, threading.Event()

    def feed():
        for number in range(2000):
            slot.put(frame(number))
        done.set()

    feeder = threading.Thread(target=feed)
    feeder.start()
    while not done.is_set() or len(slot):
        received, count = slot.take()
        dropped += count
        if received is not None:
            taken.append(received.message)
    feeder.join()
    rest, count = take_all(slot)
    assert len(taken) + len(rest) + dropped + count == 2000
    assert taken == sorted(taken)


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="'newest' is unknown"):
        FrameSlot('newest')
    with pytest.raises(ValueError, match='0 frames'):
        FrameSlot('every_frame', capacity=0)


def beating(*times_s: float) -> Rhythm:
    rhythm = Rhythm()
    for time_s in times_s:
        rhythm.beat(time_s)
    return rhythm


def test_one_frame_makes_no_rhythm():
    assert beating().worth_waiting_s(0.0) == 0.0
    assert beating(0.0).worth_waiting_s(0.09) == 0.0


def test_only_a_frame_that_is_nearly_there_is_waited_for():
    rhythm = beating(0.0, 0.1, 0.2, 0.3)
    assert rhythm.worth_waiting_s(0.31) == 0.0
    assert rhythm.worth_waiting_s(0.37) == 0.0
    assert rhythm.worth_waiting_s(0.39) == pytest.approx(0.02)  # due in 10 ms, may be 10 ms late
    assert rhythm.worth_waiting_s(0.41) == 0.0, 'it is late, and may not come at all'


def test_a_pause_of_the_camera_does_not_change_its_rhythm():
    rhythm = beating(0.0, 0.1, 0.2, 9.2, 9.3, 9.4)
    assert rhythm.worth_waiting_s(9.49) == pytest.approx(0.02)


def test_waiting_ends_with_the_frame_and_begins_only_when_one_is_due():
    slot = FrameSlot('latest')
    started = time.monotonic()
    slot.wait_if_nearly_there()
    assert time.monotonic() - started < 1.0, 'nothing is known of the camera'
    slot._rhythm = beating(started - 19.0, started - 9.0)  # due in about 1 s
    arriving = threading.Timer(0.05, slot.put, [frame(7)])
    arriving.start()
    slot.wait_if_nearly_there()
    assert slot.take()[0].message == 7
    arriving.join()
