# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Building networks and loading checkpoints."""

from __future__ import annotations

from pathlib import Path

import torch

from surgsam2_ros.network.config import NetworkConfig, load_config
from surgsam2_ros.network.surgsam2 import SurgSAM2


class CheckpointError(RuntimeError):
    """A checkpoint that is missing, unreadable, or belongs to another network."""


def build_network(config: NetworkConfig | str | Path) -> SurgSAM2:
    """Build a network with random weights, in training mode."""
    if not isinstance(config, NetworkConfig):
        config = load_config(config)
    return SurgSAM2(config)
