# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A recording in which the overseer alone prompts, with a tracker that sees what it is told."""

from __future__ import annotations

import numpy as np
import pytest

from surgsam2_ros.discovery import Action, DiscoverySettings
from surgsam2_ros.streaming.overseen_tracker import OverseenTracker
from surgsam2_ros.tracking import (
    FrameResult,
    MaskCrop,
    ObjectInfo,
    PromptError,
    Track,
    TrackerConfig,
    TrackState,
)
from surgsam2_ros.tracking.proposal import Proposal

SIZE = 60, 80
BOX, OTHER = (10.0, 10.0, 40.0, 40.0), (50.0, 10.0, 75.0, 40.0)


class SeeingTracker:
    """Proposes what it is told to, and sees each object in the box that it was prompted with."""

    def __init__(self, **config):
        self.config = TrackerConfig(**config)
        self.boxes, self.prompts, self.stamps, self.removed = {}, [], [], []
        self.shown, self.away, self.refuses = [], set(), ''

    @property
    def objects(self):
        return [ObjectInfo(name, 1, '', TrackState.TRACKED, 0) for name in self.boxes]

    def add_objects(self, prompts, *, allow_update, image_size, frame_index):
        assert image_size == SIZE
        for prompt in prompts:
            if self.refuses:
                raise PromptError(prompt.object_id, self.refuses)
            self.boxes[prompt.object_id] = prompt.box
            self.prompts.append((len(self.stamps), prompt.object_id, frame_index))

    def remove_object(self, object_id):
        del self.boxes[object_id]
        self.removed.append(object_id)

    def segment(self, rgb, prompts):
        return FrameResult(-1, np.zeros(SIZE, np.uint8), (self._track('', prompts[0].box),))

    def track(self, rgb, stamp_ns):
        self.stamps.append(stamp_ns)
        tracks = tuple(self._track(name, box) for name, box in self.boxes.items())
        proposals = tuple(Proposal(box, 0.9) for box in self.shown)
        return FrameResult(len(self.stamps) - 1, np.zeros(SIZE, np.uint8), tracks, proposals)

    def _track(self, name, box):
        mask = np.zeros(SIZE, bool)
        left, top, right, bottom = map(int, box)
        mask[top:bottom, left:right] = name not in self.away
        state = TrackState.LOST if name in self.away else TrackState.TRACKED
        return Track(name, 1, '', MaskCrop.of(mask), None, 0.9, 0.9, state, 0)


class Recording:
    """A tracker under the overseer, to which images are shown."""

    def __init__(self, *, replay_frames=10, **settings):
        self.seen = SeeingTracker(replay_frames=replay_frames)
        self.told, self.problems = [], []
        self.overseen = OverseenTracker(
            self.seen,
            DiscoverySettings('own', **settings),
            tell=self.told.append,
            report=lambda kind, text: self.problems.append((kind, text)),
        )

    def show(self, *boxes, count=1):
        """Show images with these boxes proposed; returns the tracks' names in the last one."""
        self.seen.shown = list(boxes)
        for _ in range(count):
            result = self.overseen.track(np.zeros((*SIZE, 3), np.uint8))
        return [track.object_id for track in result.tracks]


def test_what_is_seen_in_three_images_is_tracked_from_the_fourth_on():
    recording = Recording()
    assert [recording.show(BOX) for _ in range(5)] == [[], [], [], ['found_1'], ['found_1']]
    assert recording.seen.prompts == [(3, 'found_1', 2)], 'by the third image, before the fourth'
    assert [(one.action, one.object_id) for one in recording.told] == [(Action.START, 'found_1')]


def test_without_past_images_the_next_one_is_prompted():
    recording = Recording(replay_frames=0)
    recording.show(BOX, count=4)
    assert recording.seen.prompts == [(3, 'found_1', None)]


def test_an_image_counts_a_thirtieth_of_a_second():
    recording = Recording()
    recording.show(count=31)
    first, last = recording.seen.stamps[0], recording.seen.stamps[-1]
    assert first > 0, 'zero means no stamp'
    assert (last - first) / 1e9 == pytest.approx(1.0, abs=1e-6)


def test_what_is_gone_for_long_ends():
    recording = Recording(end_after_s=1.0)
    recording.show(BOX, count=5)
    recording.seen.away.add('found_1')
    assert recording.show(count=28) == ['found_1']
    assert recording.show(count=4) == []
    assert recording.seen.removed == ['found_1']
    assert recording.told[-1].action is Action.END


def test_a_refused_prompt_is_told():
    recording = Recording()
    recording.seen.refuses = 'no room'
    assert recording.show(BOX, count=6) == []
    assert 'no room' in recording.told[0].why and recording.told[0].action is Action.REFUSE


def test_several_are_told_apart_and_nothing_else_is_prompted():
    recording = Recording()
    assert recording.show(BOX, OTHER, count=4) == ['found_1', 'found_2']
    assert recording.show(BOX, OTHER, count=20) == ['found_1', 'found_2']
    assert len(recording.seen.prompts) == 2 and recording.problems == []


def test_settings_that_find_nothing_are_named():
    with pytest.raises(ValueError, match='nothing would ever be found'):
        Recording(confirm_frames=9, window_frames=5)
