# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The tracker's live bytes stay equal, and a tracker that kept more would be found."""

from __future__ import annotations

import pytest

pytest.importorskip('torch')

from surgsam2_ros.live.soak import tracker_frames
from surgsam2_ros.live.soak.tracker_frames import Live, is_equal, track_many

FRAMES = 150


@pytest.fixture(autouse=True)
def settled_sooner(monkeypatch):
    monkeypatch.setattr(tracker_frames, 'SETTLED_FRAMES', 50)


def test_no_byte_more_is_alive_after_more_frames():
    counted = track_many(FRAMES)
    assert len(counted) == 3
    assert counted[0].tensor_bytes > 1_000_000
    assert is_equal(counted)


def test_a_tensor_that_is_kept_for_each_frame_is_found():
    import torch

    kept = []
    assert not is_equal(track_many(FRAMES, lambda _number: kept.append(torch.zeros(10))))


def test_objects_of_the_interpreter_that_pile_up_are_found():
    assert not is_equal([Live(100, 5000), Live(100, 50_000)])
    assert is_equal([Live(100, 5000), Live(100, 5100)])
