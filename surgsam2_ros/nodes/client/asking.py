# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Sends a request to a service and waits for the answer, one that is lost not for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from rclpy.client import Client
from rclpy.task import Future

from surgsam2_ros.nodes.client.results import SurgSam2Error

REPEAT_S = 0.5
"""The first pause before a request is sent again; the pauses grow."""

_LONGEST_PAUSE_S = 2.0


def await_service(client: Client, timeout_s: float) -> None:
    """Wait until the service is there.

    Raises:
        SurgSam2Error: it is not, after `timeout_s`.
    """
    if not client.wait_for_service(timeout_sec=timeout_s):
        raise SurgSam2Error(
            f'there is no service {client.srv_name} after {timeout_s:g} s; is the node running, '
            'under this name and in this ROS domain?'
        )


def ask(
    client: Client,
    request: Any,
    deadline: float,
    *,
    sends_again: Callable[[], bool] = lambda: True,
) -> Any:
    """Send a request and return the answer; to be called on another thread than the node's.

    Args:
        client: of a service that is there.
        request: what to send.
        deadline: time.monotonic() after which nobody waits any more.
        sends_again: asked after a pause without an answer whether to send the request again; by
            default it is, as fits a request without effect. Whichever answer comes first is taken:
            a service may be slow, too.

    Raises:
        SurgSam2Error: no answer came in time.
    """
    asked, pause_s = time.monotonic(), REPEAT_S
    answered = threading.Event()

    def send() -> Future:
        future = client.call_async(request)
        future.add_done_callback(lambda _future: answered.set())
        return future

    futures = [send()]
    try:
        while not answered.wait(min(max(deadline - time.monotonic(), 0.0), pause_s)):
            if time.monotonic() >= deadline:
                waited_s = time.monotonic() - asked
                raise SurgSam2Error(f'{client.srv_name} did not answer within {waited_s:.3g} s')
            if sends_again():
                futures.append(send())
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        return next(future.result() for future in futures if future.done())
    finally:
        for future in futures:
            client.remove_pending_request(future)
