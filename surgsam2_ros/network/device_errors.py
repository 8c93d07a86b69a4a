# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What an error says about the device: that its memory is short, or that it is lost.

PyTorch has a class for each, but what CUDA itself reports comes as one class with a text.
"""

from __future__ import annotations

import torch

_DEVICE_ERRORS = ('CUDA error: ', 'HIP error: ')
# After these the device goes on; cuBLAS cannot begin where no memory is left for its workspace.
_SHORT_OF_MEMORY = (
    *(f'{error}out of memory' for error in _DEVICE_ERRORS),
    'CUDA error: CUBLAS_STATUS_ALLOC_FAILED',
    'CUDA error: CUBLAS_STATUS_NOT_INITIALIZED',
    "DefaultCPUAllocator: can't allocate memory",
)
# After these too: a call was refused, and nothing ran. A graph that cannot be captured is the one
# to expect; whatever is not named here is taken for one that stays.
_REFUSED = (
    'operation not permitted when stream is capturing',
    'operation failed due to a previous error during capture',
    'operation would make the legacy stream depend on a capturing blocking stream',
    'operation would result in a merge of separate capture sequences',
    'capture was not ended in the same stream as it began',
    'invalid argument',
    'invalid configuration argument',
    'invalid device function',
    'no kernel image is available for execution on the device',
    'too many resources requested for launch',
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was short, so that the same may succeed when some is freed."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _SHORT_OF_MEMORY)


def is_device_lost(error: BaseException) -> bool:
    """Whether the device cannot be used any more by this process.

    An illegal access, a failed launch or a GPU that fell off the bus leaves CUDA in a state in
    which every later call fails; only a new process gets out of it.
    """
    if is_out_of_memory(error) or not isinstance(error, RuntimeError):
        return False
    text = str(error)
    if any(f'{start}{refused}' in text for start in _DEVICE_ERRORS for refused in _REFUSED):
        return False
    return isinstance(error, torch.AcceleratorError) or any(s in text for s in _DEVICE_ERRORS)


def empty_cache() -> None:
    """Give memory that PyTorch holds and does not use back to the device."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
