# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Checks a file of weights against its network: checksum, shapes, numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from surgsam2_ros.network.checkpoint import (
    CheckpointError,
    build_network,
    checkpoint_path,
    file_sha256,
    load_weights,
    read_state_dict,
)
from surgsam2_ros.network.config import NetworkConfig


@dataclass(frozen=True)
class CheckedWeights:
    """Weights that are right.

    Attributes:
        path: of the file.
        sha256: its checksum.
        checksum_known: whether there was one to compare with.
        tensors: how many fit the network.
    """

    path: Path
    sha256: str
    checksum_known: bool
    tensors: int


def check_weights(config: NetworkConfig, path: Path | None) -> CheckedWeights:
    """Check one file of weights.

    Args:
        config: of the network.
        path: of the file; None: the one that the configuration names.

    Raises:
        CheckpointError: when the weights are missing, unreadable, of another network or damaged.
    """
    path = checkpoint_path(config, path)
    expected = config.checkpoint_sha256 if path.name == config.checkpoint else None
    checksum = file_sha256(path)
    if expected is not None and checksum != expected:
        raise CheckpointError(
            f'{path} has the checksum {checksum}, expected is {expected}; it is damaged or another '
            'file of this name, obtain it again'
        )
    state = read_state_dict(path)
    load_weights(build_network(config), state, name=str(path))
    bad = [name for name, t in state.items() if t.is_floating_point() and not t.isfinite().all()]
    if bad:
        raise CheckpointError(
            f'{path}: {bad[0]} holds numbers that are not finite; obtain it again'
        )
    return CheckedWeights(path, checksum, expected is not None, len(state))
