# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A ROS node for a program that is no node itself: own context, spun by a thread of its own."""

from __future__ import annotations

import threading
import time

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter


class NodeThread:
    """A node in a context of its own, spun by a thread until it is closed.

    Args:
        name: begins the node's name; a number makes it unique.
        use_sim_time: take the node's time from /clock.

    Attributes:
        node: the node. Its callbacks run on the thread.
    """

    def __init__(self, name: str, *, use_sim_time: bool = False) -> None:
        self._context = rclpy.Context()
        rclpy.init(args=[], context=self._context)  # the program's arguments are its own
        self.node = Node(
            f'{name}_{time.monotonic_ns()}',
            context=self._context,
            start_parameter_services=False,
            parameter_overrides=[Parameter('use_sim_time', value=use_sim_time)],
        )
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._closing = False
        self._thread = threading.Thread(target=self._spin, name=name, daemon=True)
        self._thread.start()

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            pass
        except Exception:  # rclpy's own handles are gone when a callback was about to run
            if not self._closing:
                raise

    def close(self) -> None:
        """End the thread and remove the node."""
        self._closing = True
        self._executor.shutdown()
        rclpy.try_shutdown(context=self._context)
        self._thread.join()
        self.node.destroy_node()
