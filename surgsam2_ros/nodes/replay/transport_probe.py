# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Receives images as the node does and does nothing with them: what the transport alone costs.

    python -m surgsam2_ros.nodes.replay.transport_probe /bench/image 60

prints the times from the stamp of each image to its arrival in ms, as a JSON list.
"""

from __future__ import annotations

import json
import sys
import time

import rclpy
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image

from surgsam2_ros.heap import keep_freed_memory
from surgsam2_ros.nodes.messages.qos import qos_profile

TIMEOUT_S = 60.0
_PATIENCE_S = 2.0  # after the last image, since some may have got lost


def probe(topic: str, count: int) -> list[float]:
    """Return the times from stamp to arrival of up to `count` images [ms]."""
    delays_ms: list[float] = []
    heard = [time.monotonic() + TIMEOUT_S]

    def receive(message: Image) -> None:
        stamp = message.header.stamp
        stamp_ns = stamp.sec * 1_000_000_000 + stamp.nanosec
        delays_ms.append((time.time_ns() - stamp_ns) / 1e6)
        heard[0] = time.monotonic()

    rclpy.init(args=[])
    try:
        node = rclpy.create_node('transport_probe', start_parameter_services=False)
        node.create_subscription(Image, topic, receive, qos_profile('SENSOR_DATA'))
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        while len(delays_ms) < count and time.monotonic() < heard[0] + _PATIENCE_S:
            executor.spin_once(timeout_sec=0.2)
    finally:
        rclpy.try_shutdown()
    return delays_ms


if __name__ == '__main__':
    keep_freed_memory()
    rounded = [round(value, 4) for value in probe(sys.argv[1], int(sys.argv[2]))]
    sys.stdout.write(json.dumps(rounded) + '\n')
