# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A simulated clock on /clock that jumps when told to."""

from __future__ import annotations

import time

from rosgraph_msgs.msg import Clock

from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.repeated import Repeated

_PERIOD_S = 0.02


class SimulatedClock:
    """Publishes /clock, beginning now, until it is closed."""

    def __init__(self) -> None:
        self._owner = NodeThread('clock')
        self._publisher = self._owner.node.create_publisher(Clock, '/clock', 10)
        self._offset_ns = 0
        self._repeated = Repeated('simulated_clock', _PERIOD_S, self._tell)

    def now_ns(self) -> int:
        """Return the simulated time [ns]."""
        return time.time_ns() + self._offset_ns

    def jump(self, seconds: float) -> None:
        """Set the clock ahead, or back."""
        self._offset_ns += round(seconds * 1e9)

    def close(self) -> None:
        """End the thread and remove the topic."""
        self._repeated.close()
        self._owner.close()

    def _tell(self) -> None:
        message = Clock()
        message.clock.sec, message.clock.nanosec = divmod(self.now_ns(), 1_000_000_000)
        self._publisher.publish(message)
