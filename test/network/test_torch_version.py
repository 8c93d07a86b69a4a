# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A PyTorch that is too old is told in one line before anything is loaded."""

from __future__ import annotations

import pytest
import torch
from repository import REPO

from surgsam2_ros.network import load_network
from surgsam2_ros.network.torch_version import TorchVersionError, require_torch


@pytest.mark.parametrize('version', ['1.13.1', '2.1.2+cu121', '2.6.0'])
def test_an_old_torch_is_refused_with_what_is_needed(version):
    with pytest.raises(TorchVersionError, match=r'2\.7 or newer is needed') as refusal:
        require_torch(version)
    assert version in str(refusal.value) and '\n' not in str(refusal.value)


@pytest.mark.parametrize('version', ['2.7.0', '2.13.0+cpu', '2.10.0a0+git1234', '3.0.0', 'unknown'])
def test_a_newer_torch_will_do(version):
    require_torch(version)


def test_nothing_is_loaded_with_an_old_torch(monkeypatch):
    monkeypatch.setattr(torch, '__version__', '2.1.2')
    with pytest.raises(TorchVersionError, match=r'torch 2\.1\.2'):
        load_network(REPO / 'models' / 'surgsam2_nano.yaml')
