# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""An engine that fails makes room for the next one: no frame, object or mask is lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from tiny_network import noise_frames, tiny_network

from surgsam2_ros.engines import EngineSettings, build_engine
from surgsam2_ros.engines import settings as engine_settings
from surgsam2_ros.engines.captured import CAPTURES
from surgsam2_ros.engines.fallback import FirstThatWorks
from surgsam2_ros.tracking import StreamingTracker, TrackerConfig
from surgsam2_ros.tracking.engines import (
    EagerEncoder,
    EagerStepper,
    Engine,
    EngineError,
)

FRAMES = noise_frames(8)


@pytest.fixture(scope='module')
def network():
    return tiny_network()


class Failing:
    """Plain PyTorch that breaks at a call."""

    name = 'fragile'

    def __init__(self, whole, after):
        self._whole, self._left = whole, after

    def _count(self):
        if not self._left:
            raise torch.OutOfMemoryError('no memory\nlong story')
        self._left -= 1

    def encode(self, *arguments):
        self._count()
        return self._whole.encode(*arguments)

    def track(self, *arguments):
        self._count()
        return self._whole.track(*arguments)


@pytest.mark.parametrize('frames_until_it_fails', [0, 1, 4])
def test_the_frame_that_fails_is_tracked_by_the_next_engine(network, frames_until_it_fails):
    said = []
    encoder, stepper = EagerEncoder(network), EagerStepper(network)
    engine = Engine(
        FirstThatWorks([Failing(encoder, frames_until_it_fails), encoder], said.append),
        FirstThatWorks([Failing(stepper, frames_until_it_fails), stepper], said.append),
    )
    ours, plain = StreamingTracker(network, engine=engine), StreamingTracker(network)
    assert engine.name == 'fragile'
    for tracker in (ours, plain):
        tracker.add_object('a', box=(5, 5, 30, 30))
    for rgb in FRAMES:
        found, expected = ours.track(rgb), plain.track(rgb)
        assert found.frame_index == expected.frame_index
        assert torch.equal(found.tracks[0].logits, expected.tracks[0].logits)
    assert engine.name == 'torch'
    assert said == ['fragile failed, torch takes over: OutOfMemoryError: no memory'] * 2


@pytest.mark.parametrize(
    ('text', 'lost'),
    [
        ('an illegal memory access was encountered', True),
        ('operation not permitted when stream is capturing', False),
    ],
)
def test_a_capture_that_is_refused_is_replaced_and_a_lost_device_is_not(network, text, lost):
    said, error = [], torch.AcceleratorError(f'CUDA error: {text}')

    class Broken:
        name = 'captured'
        calls = 0

        def encode(self, _):
            self.calls += 1
            raise error

    broken = Broken()
    encoder = FirstThatWorks([broken, EagerEncoder(network)], said.append)
    image = torch.zeros((1, 3, network.image_size, network.image_size), dtype=torch.uint8)
    if lost:
        with pytest.raises(torch.AcceleratorError):
            encoder.encode(image)
        assert (encoder.name, said) == ('captured', [])
    else:
        encoder.encode(image)
        assert encoder.name == 'torch'
        assert text in said[0]
    assert broken.calls == 1


def test_two_threads_that_find_it_broken_leave_the_next_one(network):
    said, both = [], threading.Barrier(2, timeout=30)

    class Broken:
        name = 'broken'

        def encode(self, _):
            both.wait()
            raise RuntimeError('gone')

    encoder = FirstThatWorks([Broken(), EagerEncoder(network)], said.append)
    image = torch.zeros((1, 3, network.image_size, network.image_size), dtype=torch.uint8)
    with ThreadPoolExecutor(2) as pool:
        features = list(pool.map(encoder.encode, [image, image]))
    assert len(features) == 2
    assert said == ['broken failed, torch takes over: RuntimeError: gone']


def test_the_last_engine_raises_what_it_meets(network):
    engine = Engine(
        FirstThatWorks([Failing(EagerEncoder(network), 0)], print), EagerStepper(network)
    )
    tracker = StreamingTracker(network, engine=engine)
    tracker.add_object('a', box=(5, 5, 30, 30))
    with pytest.raises(torch.OutOfMemoryError):
        tracker.track(FRAMES[0])
    assert tracker.frame_index == 0


def test_an_export_that_is_refused_leaves_pytorch(network, monkeypatch):
    def refuse(*_):
        raise EngineError('exporting needs onnx; install requirements/onnx.txt')

    monkeypatch.setattr(engine_settings, 'export_once', refuse)
    said = []
    engine = build_engine(network, EngineSettings(backend='onnx'), TrackerConfig(), said.append)
    assert engine.name == 'torch'
    assert said == ['exporting needs onnx; install requirements/onnx.txt; plain PyTorch takes over']


def test_an_exporter_that_breaks_leaves_pytorch(network, monkeypatch):
    def broken(*_):
        raise RuntimeError('an operation is not known\nlong story')

    monkeypatch.setattr(engine_settings, 'export_once', broken)
    monkeypatch.setattr(engine_settings, 'multiplies_8_bits_fast', lambda: True)
    said = []
    engine = build_engine(network, EngineSettings(profile='fast'), TrackerConfig(), said.append)
    assert engine.name == 'torch'
    assert said == ['RuntimeError: an operation is not known; plain PyTorch takes over']


def test_a_capture_that_does_not_compile_leaves_pytorch(network, monkeypatch):
    def broken(*_):
        raise RuntimeError('no compiler')

    monkeypatch.setitem(CAPTURES, 'inductor', {'backend': broken})
    said = []
    settings = EngineSettings(compile='inductor')
    engine = build_engine(network, settings, TrackerConfig(), said.append)
    assert engine.name == 'torch (inductor)'
    tracker = StreamingTracker(network, engine=engine)
    tracker.add_object('a', box=(5, 5, 30, 30))
    for rgb in FRAMES[:3]:
        assert len(tracker.track(rgb).tracks) == 1
    assert engine.name == 'torch'
    assert len(said) == 2
    assert all('torch (inductor) failed, torch takes over' in text for text in said)


def test_one_that_fails_to_warm_up_leaves_those_that_need_none(network):
    class Broken:
        name = 'broken'
        needs_warm_up = True

        def warm_up(self, *_):
            raise RuntimeError('no compiler')

    said = []
    second = Failing(EagerEncoder(network), 5)
    encoder = FirstThatWorks([Broken(), second, EagerEncoder(network)], said.append)
    stepper = FirstThatWorks([Broken(), EagerStepper(network)], said.append)
    tracker = StreamingTracker(network, engine=Engine(encoder, stepper))
    tracker.warm_up()
    assert (encoder.name, stepper.name) == ('fragile', 'torch')
    assert not encoder.needs_warm_up and not stepper.needs_warm_up
    assert said == [
        'broken failed, fragile takes over: RuntimeError: no compiler',
        'broken failed, torch takes over: RuntimeError: no compiler',
    ]


@pytest.mark.parametrize('name', ['backend', 'profile', 'compile'])
def test_a_name_that_is_unknown_is_refused_with_those_that_are(name):
    with pytest.raises(ValueError, match=f"{name} is 'quick'; it must be one of "):
        EngineSettings(**{name: 'quick'})
