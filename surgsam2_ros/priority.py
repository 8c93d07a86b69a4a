# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Who gets the processor first where there is not enough of it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_AUTOGROUP = Path('/proc/self/autogroup')


def give_way(niceness: int = 10) -> None:
    """Have this process give way to the others of the machine, as `nice` does.

    Linux weighs processes against those of other sessions by their session's own niceness
    (sched(7), the autogroup feature), so both are set.

    Args:
        niceness: 1 to 19, added to that of the process; every step leaves it about a tenth less of
            the time that is fought over.
    """
    os.nice(niceness)
    with contextlib.suppress(OSError):  # a kernel without the feature, or not even Linux
        _AUTOGROUP.write_text(str(niceness))
