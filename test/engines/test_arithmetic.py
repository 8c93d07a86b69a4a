# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a device gets when precision and capture are left to us; described, not there."""

from __future__ import annotations

import pytest
import torch

from surgsam2_ros.engines import Arithmetic, DeviceDescription, choose_arithmetic

CPU = DeviceDescription('cpu')
AMPERE = DeviceDescription('cuda', 'NVIDIA A100', has_bf16=True)
TURING = DeviceDescription('cuda', 'Tesla T4', has_bf16=False)


@pytest.mark.parametrize(
    ('device', 'precision', 'compile'),
    [(CPU, 'fp32', 'off'), (AMPERE, 'bf16', 'cuda_graphs'), (TURING, 'fp32', 'cuda_graphs')],
    ids=['cpu', 'gpu with bf16', 'gpu without'],
)
def test_what_is_auto_suits_the_device(device, precision, compile):
    chosen = choose_arithmetic(device)
    assert (chosen.precision, chosen.compile) == (precision, compile)


@pytest.mark.parametrize('device', [CPU, AMPERE, TURING])
def test_what_is_named_stays(device):
    chosen = choose_arithmetic(device, precision='fp16', compile='inductor')
    assert (chosen.precision, chosen.compile) == ('fp16', 'inductor')


def test_onnx_runtime_gets_what_it_can_run():
    chosen = choose_arithmetic(AMPERE, backend='onnx')
    assert (chosen.precision, chosen.compile) == ('fp32', 'off')


def test_tf32_belongs_to_the_fast_profile_of_gpus():
    assert choose_arithmetic(AMPERE, profile='fast').tf32
    assert not choose_arithmetic(AMPERE).tf32
    assert not choose_arithmetic(CPU, profile='fast').tf32


@pytest.fixture(name='_restored')
def _restores_tf32():
    # PyTorch takes these settings without a GPU too.
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@pytest.mark.usefixtures('_restored')
@pytest.mark.parametrize('tf32', [False, True])
def test_products_and_convolutions_get_the_same_tf32(tf32):
    Arithmetic('fp32', 'off', tf32).apply(AMPERE)
    assert torch.backends.cuda.matmul.allow_tf32 is tf32
    assert torch.backends.cudnn.allow_tf32 is tf32


@pytest.mark.usefixtures('_restored')
def test_a_cpu_leaves_the_settings_of_gpus_alone():
    before = torch.backends.cudnn.allow_tf32
    Arithmetic('fp32', 'off', tf32=not before).apply(CPU)
    assert torch.backends.cudnn.allow_tf32 is before


def test_the_log_names_the_gpu_and_what_was_chosen():
    assert choose_arithmetic(AMPERE).describe(AMPERE) == 'NVIDIA A100, bf16, TF32 off'
    assert choose_arithmetic(CPU).describe(CPU) == 'fp32'


def test_bf16_that_is_emulated_does_not_count(monkeypatch):
    monkeypatch.setattr(
        torch.cuda, 'is_bf16_supported', lambda *, including_emulation: including_emulation
    )
    monkeypatch.setattr(torch.cuda, 'get_device_name', lambda device: f'name of {device}')
    described = DeviceDescription.of('cuda:1')
    assert described == DeviceDescription('cuda', 'name of cuda:1', has_bf16=False)
