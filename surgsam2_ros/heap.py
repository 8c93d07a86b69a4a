# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How this process deals with memory that it has freed."""

from __future__ import annotations

import ctypes
import sys

# Parameters of mallopt(3) of the GNU C library.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_NEVER = 2**31 - 1
_GROWTH = 64 * 2**20


def keep_freed_memory() -> bool:
    """Keep freed memory for the next frame instead of giving it back to the system.

    Every frame needs the same tensors again. By default the C library returns large ones and gets
    them back page by page, each page filled with zeros: with nano and two objects thousands of
    page faults a frame. The process stays as large as it once was.

    Returns:
        Whether the C library took it; others than GNU's are left as they are.
    """
    if not sys.platform.startswith('linux'):
        return False
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is None:
        return False
    settings = (
        (_M_MMAP_MAX, 0),  # blocks outside of the heap: these are returned whatever their size
        (_M_TRIM_THRESHOLD, _NEVER),
        (_M_TOP_PAD, _GROWTH),
    )
    return all(mallopt(parameter, value) for parameter, value in settings)
