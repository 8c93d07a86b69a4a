# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Makes the device of a tracker the current one of whichever thread works with it.

CUDA keeps a current device for each thread, the first one to begin with. Tensors name their device,
but memory is pinned for the current one, and streams and events belong to it.
"""

from __future__ import annotations

import torch


def use_device(device: torch.device | str) -> None:
    """Work with this device in the calling thread; costs next to nothing when it already does."""
    device = torch.device(device)
    if device.type == 'cuda' and device.index is not None:
        torch.cuda.set_device(device)
