# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How commands that track without ROS compute: as the node does on that device."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest
import torch

from surgsam2_ros.commands import model_loading
from surgsam2_ros.engines import DeviceDescription


@pytest.fixture(autouse=True)
def restored_tf32() -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def given(device: str, *options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    model_loading.add_model_arguments(parser)
    model_loading.add_engine_arguments(parser)
    return parser.parse_args(['--device', device, *options])


@pytest.fixture
def gpu(monkeypatch) -> None:
    described = DeviceDescription('cuda', 'NVIDIA A100', has_bf16=True)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(DeviceDescription, 'of', lambda device: described)


@pytest.mark.usefixtures('gpu')
@pytest.mark.parametrize('profile', ['exact', 'fast'])
def test_a_gpu_with_bf16_takes_it_and_tf32_belongs_to_the_fast_profile(profile):
    assert model_loading.use_arithmetic(given('cuda', '--profile', profile)) == 'bf16'
    assert torch.backends.cudnn.allow_tf32 is (profile == 'fast')


@pytest.mark.usefixtures('gpu')
def test_onnx_runtime_gets_float32():
    assert model_loading.use_arithmetic(given('cuda', '--backend', 'onnx')) == 'fp32'


def test_a_cpu_computes_in_float32():
    assert model_loading.use_arithmetic(given('cpu', '--profile', 'fast')) == 'fp32'
