# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Copies between the host and a device, for which the host does not wait.

Pinned memory comes from PyTorch, which keeps it for the next copies and hands it out again once the
copy that used it is done: frame by frame the same few buffers are in turn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def upload(tensor: Tensor, device: torch.device) -> Tensor:
    """Bring a tensor of the host to the device, to a GPU from pinned memory."""
    if device.type == 'cuda':
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def upload_indices(indices: Sequence[int], device: torch.device) -> Tensor:
    """Return the numbers as int64 [N] on the device."""
    return upload(torch.tensor(indices, dtype=torch.int64), device)


class Download:
    """A copy of bytes to the host that is under way; what was asked of the device later goes on.

    Args:
        packed: uint8 [bytes], contiguous.
    """

    def __init__(self, packed: Tensor) -> None:
        self._host, self._done = packed, None
        if packed.is_cpu:
            return
        device = packed.device
        # A stream of its own (there is a pool of them): else the copy would stand in line with the
        # next frame.
        stream = torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        self._host = torch.empty(packed.shape, dtype=torch.uint8, pin_memory=True)
        with torch.cuda.stream(stream):
            self._host.copy_(packed, non_blocking=True)
        packed.record_stream(stream)  # not to be used again before it is copied
        self._done = stream.record_event()

    def wait(self) -> np.ndarray:
        """Wait until it is there; returns uint8 [bytes], of which others will need the memory."""
        if self._done is not None:
            self._done.synchronize()
            self._done = None
        return self._host.numpy()
