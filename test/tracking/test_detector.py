# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Proposals of the tracker's own detector: those of the head alone, and nothing where it is off."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_network import noise_frames, tiny_network

from surgsam2_ros.network.instrument_decoding import DecodingRule, FoundInstruments
from surgsam2_ros.network.instrument_detector import InstrumentDetector
from surgsam2_ros.tracking import Detector, Engine, StreamingTracker
from surgsam2_ros.tracking.detector import to_proposals
from surgsam2_ros.tracking.view import Region

FRAMES = noise_frames(4)


@pytest.fixture(scope='module', name='network')
def _network():
    return tiny_network()


@pytest.fixture(scope='module', name='head')
def _head(network):
    """Give a head with random weights that believes in instruments nearly everywhere."""
    torch.manual_seed(3)
    head = InstrumentDetector(network.config.hidden_dim).eval()
    with torch.no_grad():
        head.predict.bias[:2] = 2.0
    return head


class CountingEncoder:
    """The engine's encoder, whose calls are counted."""

    def __init__(self, encode):
        self._encode, self.calls = encode, 0

    def encode(self, image):
        self.calls += 1
        return self._encode(image)


def counting_tracker(network, detector=None):
    engine = Engine.eager(network)
    encoder = CountingEncoder(engine.encoder.encode)
    return StreamingTracker(
        network, engine=Engine(encoder, engine.stepper), detector=detector
    ), encoder


def same(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert one.box == pytest.approx(other.box)
        assert one.score == pytest.approx(other.score)
        assert np.array_equal(one.mask, other.mask)
        assert one.descriptor == pytest.approx(other.descriptor)


def test_proposals_are_those_of_the_head_alone_with_objects_and_without(network, head):
    detector = Detector(head, DecodingRule(min_score=0.2))
    tracker, encoder = counting_tracker(network, detector)
    for index, rgb in enumerate(FRAMES):
        if index == 2:
            tracker.add_object('a', box=(5, 5, 30, 30))
        result = tracker.track(rgb)
        alone = detector.detect(network, rgb)
        assert len(alone) > 0
        same(result.proposals, alone)
    assert encoder.calls == len(FRAMES), 'a frame is encoded once for objects and detector'


def test_a_frame_that_was_prepared_is_not_encoded_again(network, head):
    tracker, encoder = counting_tracker(network, Detector(head, DecodingRule(min_score=0.2)))
    assert tracker.track(tracker.prepare(FRAMES[0])).proposals
    assert encoder.calls == 1


def test_off_it_costs_nothing(network, head, monkeypatch):
    monkeypatch.setattr(InstrumentDetector, 'forward', None)  # a call would fail
    tracker, encoder = counting_tracker(network)
    result = tracker.track(FRAMES[0])
    assert result.proposals == ()
    assert encoder.calls == 0, 'a frame without objects needs no features'


def test_tracks_are_the_same_with_a_detector(network, head):
    results = []
    for detector in (None, Detector(head)):
        tracker, _ = counting_tracker(network, detector)
        tracker.add_object('a', box=(5, 5, 30, 30))
        results.append([tracker.track(rgb) for rgb in FRAMES])
    for plain, with_detector in zip(*results, strict=True):
        assert np.array_equal(plain.label_image, with_detector.label_image)
        assert torch.equal(plain.tracks[0].logits, with_detector.tracks[0].logits)


def test_a_head_in_training_mode_is_refused(network):
    with pytest.raises(ValueError, match='training mode'):
        Detector(InstrumentDetector(network.config.hidden_dim))


def test_proposals_lie_in_the_region_that_the_network_saw():
    logits = np.full((1, 10, 10), -5.0, np.float32)
    logits[0, :5, :5] = 5.0
    boxes = np.array([[0, 0, 0.5, 0.5]], np.float32)
    found = FoundInstruments(boxes, np.ones(1, np.float32), logits, np.ones((1, 4), np.float32))
    region = Region((100, 200), 50, 20, 100, 60)
    (proposal,) = to_proposals(found, region)
    assert proposal.mask.shape == (100, 200)
    rows, columns = np.nonzero(proposal.mask)
    assert (rows.min(), columns.min()) == (20, 50)
    assert rows.max() + 1 == pytest.approx(50, abs=1)
    assert columns.max() + 1 == pytest.approx(100, abs=1)
    assert proposal.box == pytest.approx((50, 20, 100, 50), abs=1)
    assert proposal.class_name == ''


def test_a_mask_without_a_pixel_is_no_proposal():
    nothing = np.full((1, 10, 10), -5.0, np.float32)
    boxes = np.array([[0, 0, 0.5, 0.5]], np.float32)
    found = FoundInstruments(boxes, np.ones(1, np.float32), nothing, np.ones((1, 4), np.float32))
    assert to_proposals(found, Region.whole((40, 40))) == ()
