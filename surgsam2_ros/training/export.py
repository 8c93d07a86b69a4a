# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Writing trained weights as the checkpoint that users load."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from surgsam2_ros.network import SurgSAM2


def export_weights(network: SurgSAM2, path: Path, metadata: dict[str, str] | None = None) -> None:
    """Save a network's state dict in float16 as safetensors; the file is replaced at once.

    Args:
        metadata: short facts for the file's header, such as how it was trained.
    """
    weights = {
        name: tensor.detach().to(torch.float16).contiguous()
        for name, tensor in network.state_dict().items()
    }
    unfinished = path.with_suffix('.part')
    save_file(weights, unfinished, metadata={'format': 'pt', **(metadata or {})})
    unfinished.chmod(0o644)  # safetensors makes files that only their owner can read
    unfinished.replace(path)
