# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Memory that steps take: what is resident on a CPU, what PyTorch holds on a GPU."""

from __future__ import annotations

import ctypes
import gc
import re
from collections.abc import Callable
from pathlib import Path

import torch

_STATUS, _CLEAR = Path('/proc/self/status'), Path('/proc/self/clear_refs')
_RESET_PEAK = '5'  # proc(5): sets the high-water mark to what is resident now


def peak_memory(step: Callable[[], None], device: torch.device) -> float | None:
    """Take a step and return how far memory rose in it, in MB above what was held before.

    Args:
        step: what is measured.
        device: where it computes.

    Returns:
        None where the system does not tell.
    """
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        step()
        torch.cuda.synchronize(device)
        return (torch.cuda.max_memory_allocated(device) - before) / 1e6
    _give_back()
    try:
        _CLEAR.write_text(_RESET_PEAK, encoding='ascii')
        before = _status('VmHWM')
    except OSError:
        step()
        return None
    step()
    return (_status('VmHWM') - before) / 1e6


def memory_growth(step: Callable[[], None], steps: int, device: torch.device) -> float | None:
    """Take steps and return how much more memory is held after them, in MB; None if unknown."""
    before = held_memory(device)
    for _ in range(steps):
        step()
    after = held_memory(device)
    return None if before is None or after is None else (after - before) / 1e6


def held_memory(device: torch.device) -> float | None:
    """Return the bytes in use now: PyTorch's own count on a GPU, else resident memory."""
    _give_back()
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
        return torch.cuda.memory_allocated(device)
    try:
        return _status('VmRSS')
    except OSError:
        return None


def _status(name: str) -> int:
    """Return a size in /proc/self/status in bytes."""
    text = _STATUS.read_text(encoding='ascii')
    return 1024 * int(re.search(rf'{name}:\s+(\d+) kB', text)[1])


def _give_back() -> None:
    """Return freed memory to the system, which else counts as resident and hides what is used."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)
    if trim is not None:
        trim(0)
