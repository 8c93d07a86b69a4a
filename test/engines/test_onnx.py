# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The network exported to ONNX and run by ONNX Runtime: the same logits, and clear refusals."""

from __future__ import annotations

import json

import pytest
import torch
from tiny_network import LEAN, noise_frames, tiny_network

pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')

from surgsam2_ros.engines import EngineSettings, build_engine
from surgsam2_ros.engines import settings as engine_settings
from surgsam2_ros.engines.int8_encoder import int8_encoder_once
from surgsam2_ros.engines.onnx_engine import OnnxEncoder, OnnxStepper
from surgsam2_ros.engines.onnx_export import (
    ENCODER,
    MANIFEST,
    StepKind,
    export_once,
    weights_digest,
)
from surgsam2_ros.engines.settings import calibration_images
from surgsam2_ros.network import load_network
from surgsam2_ros.share import share_file
from surgsam2_ros.tracking import Prompt, StreamingTracker, TrackerConfig
from surgsam2_ros.tracking.engines import EagerEncoder, EagerStepper, Engine, EngineError
from surgsam2_ros.tracking.preprocess import resize_image

pytestmark = pytest.mark.slow  # an export takes half a minute

FRAMES = noise_frames(24)
CLOSE = 1e-3
PRUNING = StepKind(prunes_frames=True)
BOX_A, BOX_B, BOX_C = (5, 5, 30, 30), (30, 10, 70, 40), (2, 20, 40, 47)


@pytest.fixture(scope='module')
def network():
    return tiny_network(num_frame_to_prune=2).requires_grad_(False)


@pytest.fixture(scope='module', autouse=True)
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))
        yield


@pytest.fixture(scope='module')
def exported(network, _cache):
    return export_once(network, PRUNING)


class Checked:
    """A stepper that holds another one against plain PyTorch, in every frame, from one memory."""

    name = 'checked'

    def __init__(self, network, stepper):
        self._eager, self._other = EagerStepper(network), stepper
        self.differences, self.objects = [], []

    def track(self, *arguments):
        expected, found = self._eager.track(*arguments), self._other.track(*arguments)
        pairs = list(zip(_tensors(*expected), _tensors(*found), strict=True))
        assert all(theirs.shape == ours.shape for ours, theirs in pairs)
        differences = [(ours - theirs).abs().max() for ours, theirs in pairs]
        self.differences.append(float(torch.stack(differences).max()))
        self.objects.append(len(expected[0].iou))
        return expected


def _tensors(decoded, memory):
    return [*decoded[:4], memory]


def test_the_encoder_gives_the_features_of_pytorch(network, exported):
    image = resize_image(FRAMES[0], network.image_size)
    with torch.inference_mode():
        expected = EagerEncoder(network).encode(image)
        found = OnnxEncoder(network, exported.encoder).encode(image)
    for theirs, ours in zip(found, expected, strict=True):
        assert theirs.shape == ours.shape
        assert float((theirs - ours).abs().max()) < CLOSE


def test_the_step_gives_the_logits_and_memories_of_pytorch(network, exported):
    """From the first tracked frame on, with objects of different age and a correction."""
    checked = Checked(network, OnnxStepper(network, exported.step))
    config = TrackerConfig(corrections_condition=True, protect_prompted_frames=True)
    tracker = StreamingTracker(network, config, Engine(EagerEncoder(network), checked))
    tracker.add_object('a', box=BOX_A)
    for index, rgb in enumerate(FRAMES):
        if index == 4:
            tracker.add_objects([Prompt('b', box=BOX_B), Prompt('c', box=BOX_C)])
        if index in (10, 12):
            tracker.add_object('a', points=[(20, 20)], labels=[1])
        tracker.track(rgb)
    assert len(checked.differences) == 24 - 4
    assert set(checked.objects) == {1, 3}
    assert max(checked.differences) < CLOSE


def test_so_does_the_step_that_reads_some_tokens_of_each_memory():
    network = tiny_network(num_frame_to_prune=2, image_size=128).requires_grad_(False)
    config = TrackerConfig(memory_tokens=24)
    exported = export_once(network, StepKind(prunes_frames=True, prunes_tokens=True))
    checked = Checked(network, OnnxStepper(network, exported.step))
    tracker = StreamingTracker(network, config, Engine(EagerEncoder(network), checked))
    tracker.add_objects([Prompt('a', box=BOX_A), Prompt('b', box=BOX_B)])
    for rgb in FRAMES[:12]:
        tracker.track(rgb)
    assert len(checked.differences) == 11
    assert max(checked.differences) < CLOSE


def test_so_does_the_step_that_takes_hints():
    network = tiny_network(num_frame_to_prune=2, **LEAN).requires_grad_(False)
    exported = export_once(network, StepKind(prunes_frames=True, takes_hints=True))
    checked = Checked(network, OnnxStepper(network, exported.step))
    tracker = StreamingTracker(network, engine=Engine(EagerEncoder(network), checked))
    tracker.add_object('a', box=BOX_A)
    for index, rgb in enumerate(FRAMES[:12]):
        if index == 4:
            tracker.add_object('b', box=BOX_B)
        tracker.track(rgb)
    assert len(checked.differences) == 10
    assert max(checked.differences) < CLOSE


def test_the_export_is_made_once(network, exported):
    before = exported.encoder.stat().st_mtime_ns
    assert export_once(network, PRUNING) == exported
    assert exported.encoder.stat().st_mtime_ns == before


def test_other_weights_get_an_export_of_their_own(network):
    other = tiny_network(num_frame_to_prune=2)
    assert weights_digest(other) == weights_digest(network)
    with torch.no_grad():
        other.no_mem_embed[0, 0, 0] += 1e-3
    assert weights_digest(other) != weights_digest(network)


def test_a_folder_with_an_export_of_other_weights_is_refused(exported, tmp_path):
    other = tiny_network(num_frame_to_prune=2, presence_bias=1.0)
    folder = tmp_path / 'export'
    folder.mkdir()
    for file in exported.folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    with pytest.raises(EngineError, match='was made from other weights; delete that folder'):
        export_once(other, PRUNING, folder=folder)


def test_a_damaged_export_is_refused(network, exported, tmp_path):
    for file in exported.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / ENCODER).write_bytes(b'not an encoder')
    with pytest.raises(EngineError, match=r'damaged: encoder\.onnx has changed'):
        export_once(network, PRUNING, folder=tmp_path)
    (tmp_path / MANIFEST).write_text('{')
    with pytest.raises(EngineError, match='no readable manifest'):
        export_once(network, PRUNING, folder=tmp_path)


def test_a_provider_that_is_not_there_is_named_with_those_that_are(network, exported):
    with pytest.raises(EngineError, match=r'no NoSuchProvider; it has .*CPUExecutionProvider'):
        OnnxStepper(network, exported.step, 'NoSuchProvider')


def test_without_the_provider_pytorch_tracks_and_says_so(network, exported):
    said = []
    settings = EngineSettings(backend='onnx', provider='NoSuchProvider')
    engine = build_engine(network, settings, TrackerConfig(), said.append)
    assert engine.name == 'torch'
    assert len(said) == 2
    assert 'NoSuchProvider' in said[0]
    ours, plain = StreamingTracker(network, None, engine), StreamingTracker(network)
    for tracker in (ours, plain):
        tracker.add_object('a', box=BOX_A)
    for rgb in FRAMES[:3]:
        assert torch.equal(ours.track(rgb).tracks[0].logits, plain.track(rgb).tracks[0].logits)


def test_the_backend_by_its_name_tracks_the_same_masks(network, exported):
    said = []
    engine = build_engine(network, EngineSettings(backend='onnx'), TrackerConfig(), said.append)
    assert (engine.name, said) == ('ONNX Runtime (CPUExecutionProvider)', [])
    ours, plain = StreamingTracker(network, None, engine), StreamingTracker(network)
    for tracker in (ours, plain):
        tracker.add_object('a', box=BOX_A)
    for rgb in FRAMES[:8]:
        found, expected = ours.track(rgb).tracks[0], plain.track(rgb).tracks[0]
        assert (found.mask != expected.mask).mean() < 0.005


def test_a_cache_that_cannot_be_written_is_named(network, monkeypatch, tmp_path):
    (tmp_path / 'file').write_text('')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
    with pytest.raises(EngineError, match=r'cannot be written .* XDG_CACHE_HOME'):
        export_once(network, PRUNING)


def test_the_encoder_in_8_bits_is_near_and_made_once(network, exported):
    def images():
        for index, image in enumerate(calibration_images(network.image_size)):
            if index < 8:
                yield image

    path = int8_encoder_once(exported, images())
    assert path.stat().st_size < 0.6 * exported.encoder.stat().st_size
    assert int8_encoder_once(exported, iter(())) == path
    assert json.loads((exported.folder / MANIFEST).read_text())['int8']
    image = torch.from_numpy(next(iter(calibration_images(network.image_size))))
    with torch.inference_mode():
        expected = EagerEncoder(network).encode(image)
        found = OnnxEncoder(network, path).encode(image)
    for theirs, ours in zip(found, expected, strict=True):
        error = float((theirs - ours).norm() / ours.norm())
        assert 1e-6 < error < 0.5


def test_the_fast_profile_takes_8_bits_where_the_processor_does(network, exported, monkeypatch):
    images = [image for _, image in zip(range(4), calibration_images(64), strict=False)]
    monkeypatch.setattr(engine_settings, 'calibration_images', lambda _: iter(images))
    image = resize_image(FRAMES[0], network.image_size)
    found = {}
    for able in (False, True):
        monkeypatch.setattr(engine_settings, 'multiplies_8_bits_fast', lambda able=able: able)
        said = []
        engine = build_engine(network, EngineSettings(profile='fast'), TrackerConfig(), said.append)
        name = 'ONNX Runtime int8 (CPUExecutionProvider) + torch' if able else 'torch'
        assert (engine.name, said) == (name, [])
        with torch.inference_mode():
            found[able] = engine.encoder.encode(image).stride16
    with torch.inference_mode():
        expected = EagerEncoder(network).encode(image).stride16
    assert torch.equal(found[False], expected)
    assert float((found[True] - expected).abs().max()) > CLOSE


def test_the_fast_profile_reads_half_of_the_tokens(network):
    settings = EngineSettings(profile='fast')
    assert settings.tracker_config(network, TrackerConfig()).memory_tokens == 8
    assert EngineSettings().tracker_config(network, TrackerConfig()).memory_tokens is None
    own = TrackerConfig(memory_tokens=9)
    assert settings.tracker_config(network, own).memory_tokens == 9


@pytest.mark.parametrize('name', ['surgsam2_nano', 'surgsam2_nano_320'])
def test_a_shipped_network_is_exported_for_any_number_of_objects(name):
    network = load_network(share_file(f'models/{name}.yaml'))
    config = TrackerConfig()
    engine = build_engine(network, EngineSettings(backend='onnx'), config, pytest.fail)
    assert engine.name == 'ONNX Runtime (CPUExecutionProvider)'
    boxes = [(20 * n, 10 * n, 20 * n + 40, 10 * n + 60) for n in range(9)]
    frames = noise_frames(3, 240, 320)
    for objects in (1, 9):
        trackers = [StreamingTracker(network, config, one) for one in (None, engine)]
        for tracker in trackers:
            tracker.add_objects([Prompt(str(n), box=boxes[n]) for n in range(objects)])
        for rgb in frames:
            plain, onnx = (tracker.track(rgb).tracks for tracker in trackers)
            for expected, found in zip(plain, onnx, strict=True):
                assert float((expected.logits - found.logits).abs().max()) < 0.01
