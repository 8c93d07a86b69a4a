# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Runs the callbacks of a node whose endpoints come and go in another thread."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from rclpy.exceptions import InvalidHandle
from rclpy.executors import Executor, ExternalShutdownException


def spin(executor: Executor, report: Callable[[str, Exception], None]) -> None:
    """Run callbacks until the executor's context is shut down; one that fails ends nothing.

    A transition destroys endpoints in its own thread while this one may be about to wait for them:
    rclpy then raises InvalidHandle, and the next wait is without them. A shutdown destroys all.

    Args:
        executor: has the node.
        report: receives what was done, and the exception of a callback that failed.
    """
    with contextlib.suppress(ExternalShutdownException):
        while executor.context.ok():
            try:
                executor.spin()
            except ExternalShutdownException:
                raise
            except InvalidHandle:
                continue
            except Exception as error:
                if executor.context.ok():  # else it failed because of the shutdown
                    report('a callback failed', error)
