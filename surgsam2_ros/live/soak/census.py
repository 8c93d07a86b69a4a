# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a process holds at a moment, counted from outside."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from surgsam2_ros.repeated import Repeated


@dataclass(frozen=True)
class Census:
    """What a process holds.

    Attributes:
        at_s: monotonic clock [s].
        resident_mb: memory in RAM [10^6 bytes]: the process's own and what it shares.
        own_mb: the part that it shares with no other process [10^6 bytes].
        descriptors, threads: how many.
        endpoints: publishers, subscriptions and services in the ROS graph.
    """

    at_s: float
    resident_mb: float
    own_mb: float
    descriptors: int
    threads: int
    endpoints: int


def take_census(pid: int, endpoints: int) -> Census:
    """Count what a process holds.

    Args:
        pid: the process.
        endpoints: as counted in the ROS graph.

    Raises:
        psutil.Error: it has ended, or is not ours.
    """
    process = psutil.Process(pid)
    memory = process.memory_full_info()
    return Census(
        time.monotonic(),
        memory.rss / 1e6,
        memory.uss / 1e6,
        process.num_fds(),
        process.num_threads(),
        endpoints,
    )


class CensusTaker:
    """Counts again and again, on a thread, until it is closed.

    Args:
        pid: the process.
        count_endpoints: counts in the ROS graph.
        period_s: time between two counts [s].

    Attributes:
        taken: what was counted, oldest first.
    """

    def __init__(self, pid: int, count_endpoints: Callable[[], int], period_s: float) -> None:
        self.taken: list[Census] = []
        self._pid, self._count_endpoints = pid, count_endpoints
        self._repeated = Repeated('census', period_s, self._count)

    def close(self) -> None:
        """End the thread."""
        self._repeated.close()

    def _count(self) -> bool:
        try:
            self.taken.append(take_census(self._pid, self._count_endpoints()))
        except psutil.Error:  # it has ended; who runs it says so
            return False
        return True
