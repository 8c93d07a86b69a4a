# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Lets a callback wait for another thread while the executor goes on with images and services."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TypeVar

import rclpy.task
from rclpy.executors import Executor

Answer = TypeVar('Answer')


async def answer_of(future: Future[Answer], executor: Executor) -> Answer:
    """Return what another thread's future gets, or raise its error.

    For coroutine callbacks in a reentrant group: in any other the one that waits would keep the
    rest of the group from running.

    Args:
        future: resolved by another thread.
        executor: runs the callback.
    """
    answered = rclpy.task.Future(executor=executor)

    def wake_up(_future: Future) -> None:
        answered.set_result(None)
        executor.wake()

    future.add_done_callback(wake_up)
    await answered
    return future.result()
