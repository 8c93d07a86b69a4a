# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The head of a detector run in other ways: what plain PyTorch finds, or plain PyTorch itself."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
import torch
from tiny_network import noise_frames, tiny_network

from surgsam2_ros.engines import EngineSettings, build_head, detection
from surgsam2_ros.engines.captured import LateFrames
from surgsam2_ros.engines.detection import CapturedHead, EagerHead, OnnxHead, export_head_once
from surgsam2_ros.engines.network_thread import NetworkThread, SharedHead
from surgsam2_ros.network import ImageFeatures
from surgsam2_ros.network.instrument_decoding import DecodingRule
from surgsam2_ros.network.instrument_detector import InstrumentDetector
from surgsam2_ros.tracking import Detector, StreamingTracker
from surgsam2_ros.tracking.engines import EagerEncoder, EngineError
from surgsam2_ros.tracking.preprocess import resize_image

FRAMES = noise_frames(3)
MAPPED = {'backend': 'eager'}  # captures as the others do, and compiles nothing


@pytest.fixture(scope='module', name='network')
def _network():
    return tiny_network().requires_grad_(False)


@pytest.fixture(scope='module', name='head')
def _head(network):
    """Give a head with random weights that believes in instruments nearly everywhere."""
    torch.manual_seed(3)
    head = InstrumentDetector(network.config.hidden_dim).eval().requires_grad_(False)
    head.predict.bias[:2] = 2.0
    return head


@pytest.fixture(scope='module', name='features')
def _features(network):
    with torch.inference_mode():
        images = [resize_image(rgb, network.image_size) for rgb in FRAMES]
        return [EagerEncoder(network).encode(image) for image in images]


def largest_difference(found, expected):
    assert [x.shape for x in found] == [x.shape for x in expected]
    return max(float((x - y).abs().max()) for x, y in zip(found, expected, strict=True))


def test_captured_it_says_what_it_says_in_plain_pytorch(head, features):
    late = LateFrames(pytest.fail)
    captured = CapturedHead(head, MAPPED, late)
    with torch.inference_mode():
        captured.warm_up(features[0])
        first, second = captured.look(features[1]), captured.look(features[2])
        for found, seen in ((first, features[1]), (second, features[2])):
            assert largest_difference(found, EagerHead(head).look(seen)) < 1e-5
    assert late.number == 0


def test_features_that_were_not_captured_go_to_plain_pytorch_and_are_told(head, features):
    told = []
    captured = CapturedHead(head, MAPPED, LateFrames(told.append))
    with torch.inference_mode():
        captured.warm_up(features[0])
        smaller = ImageFeatures(*(x[..., : x.shape[-1] // 2] for x in features[0]))
        found = captured.look(smaller)
        assert largest_difference(found, EagerHead(head).look(smaller)) == 0.0
    assert told == ['no capture fits the detector, plain PyTorch takes such frames']


def test_a_tracker_warms_it_up_and_has_the_same_proposals(network, head):
    rule, late = DecodingRule(min_score=0.2), LateFrames(pytest.fail)
    plain = StreamingTracker(network, detector=Detector(head, rule))
    captured = CapturedHead(head, MAPPED, late)
    tracker = StreamingTracker(network, detector=Detector(head, rule, captured))
    tracker.warm_up()
    for rgb in FRAMES:
        expected, found = plain.track(rgb).proposals, tracker.track(rgb).proposals
        assert len(expected) > 0
        assert [one.score for one in found] == pytest.approx([one.score for one in expected])
    assert late.number == 0


def test_what_cannot_be_exported_runs_in_plain_pytorch_and_says_why(
    network, head, features, monkeypatch
):
    def refuse(*_):
        raise OSError('no room')

    monkeypatch.setattr(detection, 'export_head_once', refuse)
    told = []
    runner = build_head(head, network, EngineSettings(backend='onnx'), told.append)
    assert runner.name == 'torch'
    assert told == ['OSError: no room; plain PyTorch runs the detector']
    with torch.inference_mode():
        assert largest_difference(runner.look(features[0]), head(features[0])) == 0.0


def test_for_several_cameras_one_thread_runs_what_was_captured(network, head, features):
    threads = set()

    class Noting(CapturedHead):
        def look(self, seen):
            threads.add(threading.current_thread().name)
            return super().look(seen)

    captured = Noting(head, MAPPED, LateFrames(pytest.fail))
    with closing(NetworkThread(EagerEncoder(network), 2)) as thread:
        shared = SharedHead(thread, captured)
        assert (shared.name, shared.needs_warm_up) == ('torch (eager)', True)
        shared.warm_up(features[0])
        found = shared.look(features[1])
        plain = SharedHead(thread, EagerHead(head))
        assert not plain.needs_warm_up
        with torch.inference_mode():
            assert largest_difference(found, plain.look(features[1])) < 1e-5
    assert threads == {'network'}


@pytest.mark.slow
class TestOnnx:
    """In ONNX Runtime; an export takes seconds."""

    @pytest.fixture(autouse=True)
    def _cache(self, tmp_path, monkeypatch):
        pytest.importorskip('onnxruntime')
        pytest.importorskip('onnxscript')
        monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))

    def test_it_says_what_it_says_in_plain_pytorch(self, network, head, features):
        runner = build_head(head, network, EngineSettings(backend='onnx'), pytest.fail)
        assert runner.name == 'ONNX Runtime (CPUExecutionProvider)'
        with torch.inference_mode():
            assert largest_difference(runner.look(features[0]), head(features[0])) < 1e-3

    def test_it_is_exported_once_for_its_weights(self, network, head):
        file = export_head_once(head, network)
        written = file.stat().st_mtime_ns
        assert export_head_once(head, network) == file
        assert file.stat().st_mtime_ns == written
        other = InstrumentDetector(network.config.hidden_dim).eval()
        assert export_head_once(other, network) != file
        assert [path.suffix for path in file.parent.iterdir()] == ['.onnx', '.onnx']

    def test_a_damaged_file_is_told_and_plain_pytorch_runs_it(self, network, head):
        export_head_once(head, network).write_bytes(b'\x00' * 100)
        told = []
        runner = build_head(head, network, EngineSettings(backend='onnx'), told.append)
        assert runner.name == 'torch'
        assert len(told) == 1
        assert 'cannot be opened by ONNX Runtime' in told[0]

    def test_a_file_that_names_another_one_is_refused(self, network, head):
        file = export_head_once(head, network)
        file.write_bytes(file.read_bytes() + b'\x0a\x08location')
        with pytest.raises(EngineError, match='names another file') as caught:
            OnnxHead(head, network, file)
        assert str(file) in str(caught.value)
