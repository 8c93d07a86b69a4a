# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Says what a run was made with: versions, hardware, the model and its weights."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import surgsam2_ros
from surgsam2_ros.evaluation.runs.settings import NetworkChoice
from surgsam2_ros.network.checkpoint import checkpoint_path, file_sha256

_PACKAGES = {
    'torch': 'torch',
    'NumPy': 'numpy',
    'OpenCV': 'opencv-python-headless',
    'rosbags': 'rosbags',
    'TrackEval': 'trackeval',
    'rclpy': 'ros-rclpy',
}


def describe_versions() -> dict[str, str]:
    """Return the versions of this package, Python, ROS and what results depend on."""
    versions = {'surgsam2_ros': surgsam2_ros.__version__, 'Python': platform.python_version()}
    for name, package in _PACKAGES.items():
        try:
            versions[name] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    if distribution := os.environ.get('ROS_DISTRO'):
        versions['ROS'] = distribution
    return versions


def describe_hardware(device: str) -> dict[str, Any]:
    """Return processor, cores (of this process), memory_gb and gpu (None on a CPU)."""
    return {
        'processor': _processor(),
        'cores': len(os.sched_getaffinity(0)),
        'memory_gb': round(os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9, 1),
        'gpu': _gpu(device),
    }


def describe_model(choice: NetworkChoice) -> dict[str, Any]:
    """Return name, config, checkpoint, sha256 of the weights, image_size, device and precision.

    Files below the working directory are named from there: what is stored beside the project tells
    nothing of the machine.

    Raises:
        ConfigError, CheckpointError: when the configuration or the weights are not there.
    """
    config = choice.network_config()
    weights = Path(checkpoint_path(config, choice.checkpoint))
    return {
        'name': config.name,
        'config': _from_here(choice.config),
        'checkpoint': _from_here(weights),
        'sha256': file_sha256(weights),
        'image_size': config.image_size,
        'device': choice.device,
        'precision': choice.precision,
    }


def _from_here(path: Path) -> str:
    path, here = path.resolve(), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _processor() -> str:
    try:
        lines = Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.machine()


def _gpu(device: str) -> str | None:
    if not device.startswith('cuda'):
        return None
    import torch

    return torch.cuda.get_device_name(device)
