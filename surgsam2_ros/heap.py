# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How this process deals with memory that it has freed."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

from surgsam2_ros.repeated import Repeated

TRIM_PERIOD_S = 60.0
"""Time between two returns of surplus memory [s]."""

# Parameters of mallopt(3) of the GNU C library.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -2, -4, -8
_NEVER = 2**31 - 1
_GROWTH = 64 * 2**20


def keep_freed_memory() -> bool:
    """Keep freed memory for the next frame instead of giving it back to the system.

    Every frame needs the same tensors again. By default the C library returns large ones and gets
    them back page by page, each page filled with zeros: with nano and two objects thousands of
    page faults a frame. The process stays as large as it once was, until `give_back`.

    Returns:
        Whether the C library took it; others than GNU's are left as they are.
    """
    mallopt = _of_c_library('mallopt')
    if mallopt is None:
        return False
    settings = (
        (_M_MMAP_MAX, 0),  # blocks outside of the heap: these are returned whatever their size
        (_M_TRIM_THRESHOLD, _NEVER),
        (_M_TOP_PAD, _GROWTH),
    )
    return all(mallopt(parameter, value) for parameter, value in settings)


def share_arenas(most: int = 2) -> bool:
    """Have all threads take memory from so few parts of the heap; call it before there are any.

    By default the C library makes up to eight arenas for each core, and what one thread has freed
    in its own another cannot use. Where many threads do the same work in turns, as those of a
    server, each arena grows to the needs of that work.

    Returns:
        Whether the C library took it; others than GNU's are left as they are.
    """
    mallopt = _of_c_library('mallopt')
    return mallopt is not None and bool(mallopt(_M_ARENA_MAX, most))


def give_back() -> bool:
    """Give all memory that is free at the moment back to the system, in every thread's arena.

    Takes milliseconds, in which other threads may have to wait for memory, one arena after the
    other. What the next frames need they get back page by page.

    Returns:
        Whether the C library can; others than GNU's are left as they are.
    """
    trim = _of_c_library('malloc_trim')
    if trim is None:
        return False
    trim(ctypes.c_size_t(0))  # ctypes lets the interpreter's other threads run meanwhile
    return True


def keep_giving_back(period_s: float = TRIM_PERIOD_S) -> Repeated:
    """Give surplus memory back again and again until it is closed, where the C library can.

    A process that keeps what it frees is as large as all its threads' greatest needs together, and
    blocks of a megabyte that find no hole that fits make it larger, ever more seldom but without
    end. Trimmed, it is as large as what it used since the last time.

    Args:
        period_s: time between two returns [s].
    """
    return Repeated('heap', period_s, give_back)


def _of_c_library(name: str) -> Callable[..., int] | None:
    """Return a function of the C library; None where that is not GNU's."""
    if not sys.platform.startswith('linux'):
        return None
    return getattr(ctypes.CDLL(None), name, None)
