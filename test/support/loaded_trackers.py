# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Nodes in the test's own process with a tracker of the test's making, loaded in no time."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from rclpy.executors import Executor

from surgsam2_ros.nodes.tracker import pipeline
from surgsam2_ros.nodes.tracker.tracker_loading import LoadedTracker


def use_tracker(patch: pytest.MonkeyPatch, tracker: Any, device: str = 'cpu') -> None:
    """Have nodes load this tracker instead of a network."""
    engine = SimpleNamespace(name='torch')
    loaded = LoadedTracker(tracker, 'nano', 'nano.safetensors', device, 'fp32', engine, [])
    patch.setattr(pipeline, 'load_tracker', lambda *_: loaded)


def spin_until(
    executor: Executor,
    until: Callable[[], bool],
    seconds: float,
    each: Callable[[], None] = lambda: None,
) -> bool:
    """Run callbacks, and `each` before every one of them, until something is so; False if never."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        each()
        executor.spin_once(timeout_sec=0.02)
        if until():
            return True
    return False
