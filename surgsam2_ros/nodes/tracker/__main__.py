# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The executable `surgsam2_node`: runs the node until it is interrupted."""

from __future__ import annotations

import contextlib
import os
import sys

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.logging import get_logger

from surgsam2_ros.heap import keep_freed_memory
from surgsam2_ros.nodes.tracker.node import SurgSam2Node
from surgsam2_ros.nodes.tracker.parameters import ParameterError


def _spin(executor: SingleThreadedExecutor, node: SurgSam2Node) -> None:
    """Run callbacks until the shutdown; one that fails must not cost the tracked objects."""
    while node.context.ok():
        try:
            executor.spin()
        except ExternalShutdownException:
            raise
        except Exception as error:
            node.reporter.report_exception('a callback failed', error)


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted.

    Returns:
        The exit status: EX_CONFIG (78) when the node cannot start with these parameters, so that a
        supervisor knows that another try would fail too; else 0.
    """
    keep_freed_memory()
    rclpy.init(args=args)
    try:
        node = SurgSam2Node()
    except ParameterError as error:
        get_logger('surgsam2').fatal(str(error))
        rclpy.try_shutdown()
        return os.EX_CONFIG
    except KeyboardInterrupt:  # the node is seen by others before it is complete
        rclpy.try_shutdown()
        return 0
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
            _spin(executor, node)
    finally:
        node.close()
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown()
    return node.exit_status


if __name__ == '__main__':
    sys.exit(main())
