# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The command that is running, as results name it."""

from __future__ import annotations

import os
import shlex
import sys

_LIMITS = ('ATEN_CPU_CAPABILITY', 'ONEDNN_MAX_CPU_ISA', 'MKL_ENABLE_INSTRUCTIONS')
"""Variables that keep the libraries to an older processor's instructions, as AVX2."""


def command_line() -> str:
    """Return it, with what limits the processor for it."""
    limits = [f'{name}={os.environ[name]}' for name in _LIMITS if os.environ.get(name)]
    return shlex.join([*limits, 'surgsam2', *sys.argv[1:]])
