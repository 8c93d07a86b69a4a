# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The shipped networks on the clip in test/data, which is semi-synthetic: two needle drivers."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from repository import REPO, SHIPPED

from surgsam2_ros.evaluation.metrics import jaccard
from surgsam2_ros.network import load_network
from surgsam2_ros.sources import open_source, read_label_png
from surgsam2_ros.tracking import StreamingTracker, TrackState

CLIP = SHIPPED / 'endoscope_clip'
AWAY = range(4, 9)  # frames without object 1; in frame 3 a corner of it is left
TAKEN_UP = 0.5  # IoU, as in the evaluation
LEAST = 0.8  # mean IoU while an object is wholly in view; 15 Hz, large motion


@functools.cache
def truth():
    return [read_label_png(path) for path in sorted(CLIP.glob('Annotations/*/*.png'))]


@pytest.fixture(scope='module', params=['surgsam2_nano_320', 'surgsam2_nano'])
def results(request):
    """Both objects from their masks in the first frame: a FrameResult for every frame."""
    tracker = StreamingTracker(load_network(REPO / 'models' / f'{request.param}.yaml'))
    for value in (1, 2):
        tracker.add_object(str(value), mask=truth()[0] == value)
    return [tracker.track(frame.rgb) for frame in open_source(CLIP / 'JPEGImages' / 'two_tools')]


def overlaps(results, value, frames):
    pairs = ((results[i].tracks[value - 1].mask, truth()[i] == value) for i in frames)
    return [jaccard(*pair) for pair in pairs]


def test_the_clip_is_what_its_readme_says():
    assert len(truth()) == 12
    assert [i for i, labels in enumerate(truth()) if not (labels == 1).any()] == list(AWAY)


def test_both_instruments_are_followed(results):
    assert np.mean(overlaps(results, 1, (1, 2))) > LEAST
    assert np.mean(overlaps(results, 2, range(1, 12))) > LEAST


def test_one_that_leaves_is_occluded_and_taken_up_again(results):
    states = [result.tracks[0].state for result in results]
    assert {states[i] for i in AWAY} == {TrackState.OCCLUDED}
    assert min(overlaps(results, 1, (10, 11))) > TAKEN_UP
    assert TrackState.OCCLUDED not in states[10:]
