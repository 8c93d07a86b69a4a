# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What several tests of commands need."""

from __future__ import annotations

import pytest

from surgsam2_ros.commands import progress


@pytest.fixture
def clock(monkeypatch):
    """Give a list whose one entry is the time, and let the progress believe it."""
    now = [100.0]
    monkeypatch.setattr(progress.time, 'monotonic', lambda: now[0])
    return now
