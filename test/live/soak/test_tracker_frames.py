# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the tracker holds stays the same, and a tracker that kept more would be found."""

from __future__ import annotations

import pytest

pytest.importorskip('torch')

from surgsam2_ros.live.soak import tracker_frames
from surgsam2_ros.live.soak.tracker_frames import CYCLE, Live, differences, track_many
from surgsam2_ros.tracking import TrackState

FRAMES = 4 * CYCLE


@pytest.fixture(autouse=True)
def settled_sooner(monkeypatch):
    monkeypatch.setattr(tracker_frames, 'SETTLED_FRAMES', 2 * CYCLE)


def test_nothing_more_is_alive_after_objects_came_were_corrected_lost_and_removed():
    states = set()

    def note(_number, result):
        states.update((track.object_id, track.state) for track in result.tracks)

    counted = list(track_many(FRAMES, note))
    assert [live.frame for live in counted] == [2 * CYCLE, 3 * CYCLE, 4 * CYCLE]
    assert counted[0].tensor_bytes > 100_000
    assert not differences(counted)
    wanted = (TrackState.TENTATIVE, TrackState.TRACKED, TrackState.LOST)
    assert states >= {(name, state) for name in ('lasting', 'passing') for state in wanted}


def test_a_tensor_that_is_kept_for_each_frame_is_found():
    import torch

    kept = []
    counted = list(track_many(FRAMES, lambda *_: kept.append(torch.zeros(10))))
    (finding, *_) = differences(counted)
    assert 'bytes in tensors' in finding


@pytest.mark.parametrize(
    ('later', 'word'),
    [
        ({'tensor_bytes': 101}, 'bytes'),
        ({'objects': 9000}, 'objects'),
        ({'resident_mb': 330.0}, 'resident'),
    ],
    ids=lambda value: value if isinstance(value, str) else '',
)
def test_what_piles_up_is_found_and_named(later, word):
    first = Live(frame=200, tensor_bytes=100, objects=5000, blocks=9000, resident_mb=300.0)
    (finding,) = differences([first, first._replace(frame=300, **later)])
    assert word in finding and '300' in finding
    assert not differences([first, first._replace(objects=5010, resident_mb=301.0)])
