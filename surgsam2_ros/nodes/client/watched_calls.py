# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Blocking calls to a node whose process may end before it answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Answer = TypeVar('Answer')

POLL_S = 0.05


def in_thread(call: Callable[[], Answer]) -> Future[Answer]:
    """Run a blocking call in a thread that nobody has to wait for, should the node be gone."""
    answer: Future[Answer] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return answer


def await_call(call: Callable[[], Answer], check_node: Callable[[], None]) -> Answer:
    """Return what a blocking call returns, unless the node dies meanwhile.

    Args:
        call: what to do.
        check_node: raises when the node's process has ended; called again and again.
    """
    answer = in_thread(call)
    while not answer.done():
        check_node()
        time.sleep(POLL_S)
    return answer.result()
