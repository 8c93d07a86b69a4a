# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Memory of a step, against allocations that are known by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from surgsam2_ros.benchmarks import memory_use
from surgsam2_ros.benchmarks.memory_use import memory_growth, peak_memory

CPU = torch.device('cpu')
MEGABYTES = 100


def block(megabytes=MEGABYTES):
    """Return memory that is really there."""
    return np.ones(megabytes * 10**6, np.uint8)


def test_the_peak_is_what_a_step_needs_for_a_moment():
    held = block()  # before the step, hence no part of it

    def step():
        block()

    assert peak_memory(step, CPU) == pytest.approx(MEGABYTES, abs=10)
    assert held.size


def test_a_peak_before_the_step_does_not_count():
    block(300)
    assert peak_memory(lambda: None, CPU) == pytest.approx(0, abs=10)


def test_growth_is_what_steps_leave_behind():
    kept = []

    def step():
        block(50)
        kept.append(block(10))

    assert memory_growth(step, 10, CPU) == pytest.approx(MEGABYTES, abs=10)
    assert memory_growth(lambda: block(50), 3, CPU) == pytest.approx(0, abs=10)


def test_a_system_that_does_not_tell_gives_none(tmp_path, monkeypatch):
    monkeypatch.setattr(memory_use, '_STATUS', tmp_path / 'status')
    monkeypatch.setattr(memory_use, '_CLEAR', tmp_path / 'none' / 'clear_refs')
    steps = []
    assert peak_memory(lambda: steps.append(1), CPU) is None
    assert memory_growth(lambda: steps.append(1), 3, CPU) is None
    assert len(steps) == 4
