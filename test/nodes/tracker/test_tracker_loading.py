# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How many threads the network gets, and what takes over when a fast way is not there."""

from __future__ import annotations

import dataclasses
import os

import pytest
import torch

from surgsam2_ros.engines import Arithmetic, DeviceDescription, detection
from surgsam2_ros.engines import settings as engine_settings
from surgsam2_ros.nodes.tracker import tracker_loading
from surgsam2_ros.nodes.tracker.parameters import Parameters
from surgsam2_ros.nodes.tracker.shared_network import SharedNetwork
from surgsam2_ros.nodes.tracker.tracker_loading import choose_num_threads, load_tracker
from surgsam2_ros.tracking import EngineError


def test_a_number_that_is_asked_for_is_taken():
    assert choose_num_threads(3) == 3


def test_half_of_the_cores_by_default_and_never_none(monkeypatch):
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    for cores, threads in ((1, 1), (2, 1), (3, 1), (8, 4)):
        monkeypatch.setattr(os, 'sched_getaffinity', lambda _, n=cores: set(range(n)))
        assert choose_num_threads(0) == threads


def test_the_environment_goes_before_the_default(monkeypatch):
    monkeypatch.setenv('OMP_NUM_THREADS', '5')
    monkeypatch.setattr(torch, 'get_num_threads', lambda: 5)
    assert choose_num_threads(0) == 5


def parameters(**model):
    defaults = Parameters.defaults()
    model = {'device': 'cpu', 'warmup_frames': 1, 'num_threads': 1, **model}
    return dataclasses.replace(defaults, model=dataclasses.replace(defaults.model, **model))


def test_an_engine_that_is_not_there_is_replaced_and_told(monkeypatch):
    def refuse(*_):
        raise EngineError('exporting to ONNX needs onnx; install requirements/onnx.txt')

    monkeypatch.setattr(engine_settings, 'export_once', refuse)
    said = []
    loaded = load_tracker(parameters(backend='onnx'), said.append)
    assert loaded.engine.name == 'torch'
    assert said == loaded.failures
    assert len(said) == 1 and 'install requirements/onnx.txt' in said[0]


def finding(source, **model):
    defaults = parameters(**model)
    discovery = dataclasses.replace(defaults.discovery, source=source)
    return dataclasses.replace(defaults, discovery=discovery)


def test_the_detector_takes_the_way_that_the_engine_takes(monkeypatch):
    def refuse(*_):
        raise EngineError('no room')

    monkeypatch.setattr(engine_settings, 'export_once', refuse)
    monkeypatch.setattr(detection, 'export_head_once', refuse)
    said = []
    loaded = load_tracker(finding('own', backend='onnx'), said.append)
    assert loaded.tracker.detects
    assert said == ['no room; plain PyTorch takes over', 'no room; plain PyTorch runs the detector']


def test_of_two_cameras_with_one_network_each_has_the_detector_that_it_asks_for():
    shared = SharedNetwork(2, together=lambda *_: True)
    loaded = [shared.load(finding(source)) for source in ('off', 'own')]
    try:
        assert len(shared.networks) == 1
        assert [one.tracker.detects for one in loaded] == [False, True]
    finally:
        for one in loaded:
            one.give_back()


def without_memory(monkeypatch):
    """Let a GPU be there that has no memory left."""
    load_network = tracker_loading.load_network

    def load(config, *, device, **settings):
        if device != 'cpu':
            raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 20 MiB')
        return load_network(config, device=device, **settings)

    monkeypatch.setattr(tracker_loading, 'load_network', load)
    monkeypatch.setattr(tracker_loading, 'choose_device', lambda _: 'cuda:0')
    described = {'cuda:0': DeviceDescription('cuda'), 'cpu': DeviceDescription('cpu')}
    monkeypatch.setattr(tracker_loading.DeviceDescription, 'of', described.__getitem__)
    monkeypatch.setattr(Arithmetic, 'apply', lambda *_: None)  # it is PyTorch's, for all tests
    monkeypatch.setattr(torch.cuda, 'set_device', lambda _: None)


def test_a_full_gpu_leaves_the_cpu_where_the_choice_is_free(monkeypatch):
    without_memory(monkeypatch)
    said = []
    loaded = load_tracker(parameters(device='auto'), said.append)
    assert loaded.device == 'cpu'
    assert said == [
        'no memory left on cuda:0, the CPU takes over: CUDA out of memory. Tried to allocate 20 MiB'
    ]


def test_a_full_gpu_that_was_asked_for_is_an_error(monkeypatch):
    without_memory(monkeypatch)
    with pytest.raises(torch.OutOfMemoryError):
        load_tracker(parameters(device='cuda:0'))


def test_what_was_chosen_for_the_device_is_told():
    loaded = load_tracker(parameters())
    assert loaded.precision == 'fp32', 'auto on a CPU'
    assert loaded.arithmetic == 'fp32'
    assert loaded.engine.name == 'torch', 'and captured it is not'
