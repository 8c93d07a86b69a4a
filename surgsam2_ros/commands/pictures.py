# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures that a command draws beside its figures, where what draws them is installed."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def told_if_missing() -> Iterator[None]:
    """Say on standard error which package a picture lacks, and go on without it."""
    try:
        yield
    except ImportError as error:
        print(f'note: {error}; the picture is left out', file=sys.stderr)
