# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Encoding ahead begins as late as it may, so that it is the newest frame that is encoded."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from surgsam2_ros.streaming.frame_preparation import FramePreparation, Pace
from surgsam2_ros.streaming.frame_slot import EVERY_FRAME, LATEST, FrameSlot, ReceivedFrame


def paced(tracking_s: list[float], encoding_s: list[float]) -> Pace:
    """Let frames of these durations go by, the last of which ends at 0 s."""
    pace = Pace()
    for duration in tracking_s:
        pace.taken(-duration)
        pace.asked(0.0)
    for duration in encoding_s:
        pace.encoded(duration)
    return pace


def test_nothing_waits_before_both_durations_are_known():
    for tracking, encoding in (([], []), ([0.1], []), ([], [0.02])):
        pace = paced(tracking, encoding)
        pace.taken(0.0)
        assert pace.spare_s(0.0) == 0.0


def test_a_frame_waits_until_its_encoding_just_fits():
    pace = paced([0.1], [0.04])
    pace.taken(10.0)
    assert pace.spare_s(10.0) == pytest.approx(0.054)  # 15 % of the encoding are in reserve
    assert pace.spare_s(10.03) == pytest.approx(0.024)
    assert pace.spare_s(10.06) == 0.0


def test_nothing_waits_while_the_tracker_does():
    pace = paced([0.1], [0.04])
    assert pace.spare_s(0.0) == 0.0
    pace.taken(0.0)
    pace.asked(0.05)
    assert pace.spare_s(0.05) == 0.0


def test_one_slow_frame_changes_nothing():
    pace = paced([0.1, 0.1, 2.0, 0.1], [0.04, 0.04, 0.04, 1.0])
    pace.taken(0.0)
    assert pace.spare_s(0.0) == pytest.approx(0.054)


def test_asking_twice_counts_the_idle_time_to_nothing():
    pace = paced([0.1], [0.04])
    pace.asked(5.0)
    pace.taken(5.0)
    assert pace.spare_s(5.0) == pytest.approx(0.054)


@pytest.mark.parametrize('policy', [LATEST, EVERY_FRAME])
def test_of_the_latest_the_newest_is_encoded_and_of_every_frame_the_next(policy):
    slot = FrameSlot(policy)
    ready = threading.Event()
    frames = FramePreparation(
        slot,
        decode=lambda message: np.full((2, 2, 3), message, np.uint8),
        prepare=lambda rgb: time.sleep(0.01) or rgb,
        on_ready=ready.set,
    )
    frames.ahead = True

    def take() -> int:
        ready.wait(10)
        ready.clear()
        frame, _ = frames.take()
        return frame.received.stamp_ns

    sent = 0
    try:
        gaps = []
        for _ in range(6):
            slot.put(ReceivedFrame(sent, sent, sent))
            sent += 1
            taken = take()
            for _ in range(8):  # the tracker is busy for eight frames of the camera
                slot.put(ReceivedFrame(sent, sent, sent))
                sent += 1
                time.sleep(0.02)
            gaps.append(take() - taken)
        # Begun at once, it would be the first or second of the eight; at the last moment, the last.
        # The machine may be busy at any one of them.
        assert gaps[-1] == 1 if policy == EVERY_FRAME else max(gaps[-3:]) >= 5
    finally:
        assert frames.stop(5)
