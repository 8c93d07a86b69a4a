# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tells errors after which a GPU is of no more use to this process."""

from __future__ import annotations

import torch

_SIGN = 'CUDA error:'
_ELSEWHERE = ('out of memory', 'invalid argument', 'no kernel image')


def is_device_lost(error: BaseException) -> bool:
    """Whether an error of torch means that every later call on the device fails as well.

    So it is with an illegal access, a failed launch and a device that fell off the bus: CUDA keeps
    the error until the process ends. Memory that ran out may be there again for the next image.
    """
    if not isinstance(error, RuntimeError) or isinstance(error, torch.OutOfMemoryError):
        return False
    text = str(error)
    return _SIGN in text and not any(harmless in text for harmless in _ELSEWHERE)
