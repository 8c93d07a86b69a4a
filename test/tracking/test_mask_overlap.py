# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Two objects that claim the same pixels are not trusted, whatever the network thinks of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tiny_network import tiny_network

from surgsam2_ros.evaluation.metrics.overlap import covered
from surgsam2_ros.tracking import MaskCrop, StreamingTracker, TrackerConfig, TrackState
from surgsam2_ros.tracking.mask_overlap import overlaps

SIZE = 48, 64


def rectangle(left, top, right, bottom):
    mask = np.zeros(SIZE, bool)
    mask[top:bottom, left:right] = True
    return mask


def shares(*masks):
    return [found.share for found in found_between(*masks)]


def found_between(*masks):
    return overlaps([MaskCrop.of(mask) for mask in masks])


def test_a_part_is_covered_by_its_whole_and_the_whole_hardly_by_it():
    part, whole = rectangle(10, 10, 14, 20), rectangle(8, 8, 28, 28)
    assert shares(part, whole) == [1.0, pytest.approx(0.1)]


def test_the_other_that_covers_most_counts_and_not_all_others_together():
    one = rectangle(0, 0, 10, 10)
    assert shares(one, rectangle(0, 0, 4, 10), rectangle(7, 0, 20, 10))[0] == pytest.approx(0.4)


def test_the_other_is_named_that_covers_most():
    one, left, right = rectangle(0, 0, 10, 10), rectangle(0, 0, 4, 10), rectangle(7, 0, 20, 10)
    assert [found.other for found in found_between(left, one, right)] == [1, 0, 1]
    assert [found.other for found in found_between(left, right)] == [None, None]


def test_what_is_not_seen_or_lies_elsewhere_covers_nothing():
    assert shares(rectangle(0, 0, 9, 9), rectangle(9, 9, 20, 20), rectangle(0, 0, 0, 0)) == [0] * 3
    assert shares(rectangle(0, 0, 9, 9)) == [0.0]
    assert shares() == []


@given(st.lists(arrays(bool, (5, 6)), min_size=2, max_size=4))
def test_boxes_save_work_and_change_nothing(masks):
    for row, share in enumerate(shares(*masks)):
        others = [other for place, other in enumerate(masks) if place != row]
        assert share == pytest.approx(max(covered(masks[row], other) for other in others))


@pytest.mark.parametrize(
    ('max_overlap', 'expected'),
    [
        (0.5, {'left': 'UNCERTAIN', 'same': 'UNCERTAIN', 'right': 'TRACKED'}),
        (1.0, {'left': 'TRACKED', 'same': 'TRACKED', 'right': 'TRACKED'}),
    ],
)
def test_both_of_two_objects_on_one_place_are_uncertain(max_overlap, expected):
    torch.manual_seed(0)
    tracker = StreamingTracker(
        tiny_network(), TrackerConfig(tentative_frames=1, max_overlap=max_overlap)
    )
    tracker.add_object('left', mask=rectangle(4, 8, 28, 40))
    tracker.add_object('same', mask=rectangle(6, 8, 30, 40))
    tracker.add_object('right', mask=rectangle(40, 8, 60, 40))
    image = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), dtype=np.uint8)
    states = {track.object_id: track.state.name for track in tracker.track(image).tracks}
    assert states == expected
    named = {'left': 'same', 'same': 'left'} if max_overlap < 1 else {}
    assert {item.object_id: item.rival for item in tracker.objects if item.rival} == named


def test_an_object_is_trusted_again_when_the_other_is_gone():
    torch.manual_seed(0)
    tracker = StreamingTracker(tiny_network(), TrackerConfig(tentative_frames=1, max_overlap=0.5))
    tracker.add_object('left', mask=rectangle(4, 8, 28, 40))
    tracker.add_object('same', mask=rectangle(6, 8, 30, 40))
    image = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), dtype=np.uint8)
    assert {track.state for track in tracker.track(image).tracks} == {TrackState.UNCERTAIN}
    tracker.remove_object('same')
    tracker.add_object('left', mask=rectangle(4, 8, 28, 40))
    assert [track.state for track in tracker.track(image).tracks] == [TrackState.TRACKED]
    assert [item.rival for item in tracker.objects] == ['']
