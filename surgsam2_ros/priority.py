# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Who gets the processor first where there is not enough of it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_AUTOGROUP = Path('/proc/self/autogroup')


def give_way(niceness: int = 10) -> None:
    """Have the calling thread, and those it starts from now on, give way as under `nice`.

    Linux weighs processes of different sessions by the niceness of their sessions instead
    (sched(7), the autogroup feature). That is set too where the session is this process's own; one
    that is shared, with the node in a launch or with a shell, is left as it is.

    Args:
        niceness: 1 to 19, added to that of the thread; every step leaves it about a tenth less of
            the time that is fought over.
    """
    os.nice(niceness)
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # a kernel without the feature
            _AUTOGROUP.write_text(str(niceness))
