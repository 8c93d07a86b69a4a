# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a process holds at a moment, as Linux tells it from outside."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from surgsam2_ros.repeated import Repeated


@dataclass(frozen=True)
class Census:
    """What a process holds.

    Attributes:
        at_s: monotonic clock [s].
        resident_mb: memory in RAM [10^6 bytes]: the process's own and what it shares.
        own_mb: the part that is neither a file's nor shared: heap and stacks [10^6 bytes].
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
        OSError: it has ended, or is not ours.
    """
    folder = Path(f'/proc/{pid}')
    memory = (folder / 'smaps_rollup').read_text(encoding='ascii')
    return Census(
        time.monotonic(),
        _kilobytes(memory, 'Rss') * 1.024e-3,
        _kilobytes(memory, 'Anonymous') * 1.024e-3,
        len(list((folder / 'fd').iterdir())),
        len(list((folder / 'task').iterdir())),
        endpoints,
    )


def _kilobytes(text: str, name: str) -> int:
    return int(re.search(rf'^{name}:\s+(\d+) kB', text, re.MULTILINE)[1])


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
        except OSError:  # it has ended; who runs it says so
            return False
        return True
