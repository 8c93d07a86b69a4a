# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Faster ways to run the network than plain PyTorch: captured, exported, in fewer bits."""

from surgsam2_ros.engines.arithmetic import Arithmetic, DeviceDescription, choose_arithmetic
from surgsam2_ros.engines.detection import build_head
from surgsam2_ros.engines.settings import (
    BACKENDS,
    COMPILE,
    PROFILES,
    EngineSettings,
    build_engine,
)

__all__ = [
    'BACKENDS',
    'COMPILE',
    'PROFILES',
    'Arithmetic',
    'DeviceDescription',
    'EngineSettings',
    'build_engine',
    'build_head',
    'choose_arithmetic',
]
