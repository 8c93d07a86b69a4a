# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the device is, and with what PyTorch drives it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import torch

from surgsam2_ros.benchmarks.gpu_check.settings import CheckSettings


def environment(settings: CheckSettings) -> Iterator[dict[str, Any]]:
    """Tell the device, its driver, the versions and what is installed to compare with."""
    device = settings.torch_device
    facts: dict[str, Any] = {
        'device': str(device),
        'torch': torch.__version__,
        'cuda': torch.version.cuda,
        'precision': settings.precision,
        'official code': 'installed' if find_spec('sam2') else 'not installed',
    }
    if device.type == 'cuda':
        properties = torch.cuda.get_device_properties(device)
        facts |= {
            'gpu': properties.name,
            'capability': f'{properties.major}.{properties.minor}',
            'gpu memory': f'{properties.total_memory / 1e9:.0f} GB',
            'driver': _driver(),
            'cudnn': torch.backends.cudnn.version(),
        }
    for name, value in facts.items():
        yield {'what': name, 'passed': None, 'value': value}


def _driver() -> str:
    """Version of NVIDIA's driver, as nvidia-smi tells it."""
    if shutil.which('nvidia-smi') is None:
        return 'unknown: there is no nvidia-smi'
    command = ['nvidia-smi', '--query-gpu=driver_version', '--format=csv,noheader']
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else 'unknown'
