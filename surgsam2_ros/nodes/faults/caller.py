# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Calls a node's services many at a time, and counts the answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from rclpy.node import Node

from surgsam2_ros.nodes.client import SurgSam2Error
from surgsam2_ros.nodes.faults.observations import Answers
from surgsam2_ros.nodes.messages.qos import qos_profile

_ANSWERS = qos_profile('DEFAULT', 1000)  # none is lost on this side


class Caller:
    """Sends requests without waiting for the one before.

    Args:
        node: spun in another thread.
        target: full name of the node that is called.
    """

    def __init__(self, node: Node, target: str) -> None:
        self._node, self._target = node, target
        self._clients: dict[tuple[type, str], Any] = {}

    def flood(self, service: type, name: str, requests: Sequence[Any], timeout_s: float) -> Answers:
        """Send all requests at once and wait for the answers.

        Raises:
            SurgSam2Error: there is no such service.
        """
        client = self._client(service, name, timeout_s)
        started = time.monotonic()
        pending = len(requests)
        answered = threading.Condition()
        slowest_s, refused = 0.0, 0

        def done(future: Any) -> None:
            nonlocal pending, slowest_s, refused
            with answered:
                pending -= 1
                slowest_s = max(slowest_s, time.monotonic() - started)
                refused += not getattr(future.result(), 'success', True)
                answered.notify_all()

        futures = [client.call_async(request) for request in requests]
        for future in futures:
            future.add_done_callback(done)
        with answered:
            answered.wait_for(lambda: not pending, timeout_s)
            counted = Answers(name, len(requests), len(requests) - pending, refused, slowest_s)
        for future in futures:
            if not future.done():
                client.remove_pending_request(future)
        return counted

    def _client(self, service: type, name: str, timeout_s: float) -> Any:
        if (service, name) not in self._clients:
            self._clients[service, name] = self._node.create_client(
                service, f'{self._target}/{name}', qos_profile=_ANSWERS
            )
        client = self._clients[service, name]
        if not client.wait_for_service(timeout_s):
            raise SurgSam2Error(f'there is no service {self._target}/{name} after {timeout_s:g} s')
        return client
