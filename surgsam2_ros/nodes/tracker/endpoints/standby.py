# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A subscription that is there before it is used, so that nothing has to be found out then."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rclpy.callback_groups import CallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

if TYPE_CHECKING:
    from rclpy.callback_groups import Entity

PERIOD_S = 0.5
"""A deep history is emptied so often while nobody wants it, lest it fill with images."""


class _Gate(CallbackGroup):
    """Keeps messages, and events of the topic, with the middleware while it is closed.

    Events too, since in rmw_fastrtps who waits for these is woken by each message.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_open = False

    def can_execute(self, entity: Entity) -> bool:
        return self.is_open

    def beginning_execution(self, entity: Entity) -> bool:
        return self.can_execute(entity)

    def ending_execution(self, entity: Entity) -> None:
        pass


class StandbySubscription:
    """A subscription whose publishers are known before its first message is wanted.

    While it is closed, no message is taken from the middleware, which keeps the last ones and
    overwrites them: nothing is converted, and no message wakes the executor. Opening it passes
    those by, so that the first message that is received was published since.

    Args:
        node: the node that subscribes.
        message_type: of the topic.
        topic: its name.
        callback: as of Node.create_subscription.
        options: further arguments of Node.create_subscription, the QoS profile among them.
    """

    def __init__(
        self,
        node: Node,
        message_type: type,
        topic: str,
        callback: Callable[..., None],
        **options: Any,
    ) -> None:
        self._node = node
        self._gate = _Gate()
        self._taking = threading.Lock()
        self._subscription = node.create_subscription(
            message_type, topic, callback, callback_group=self._gate, **options
        )
        self._timer = None
        if self._subscription.qos_profile.depth > 1:
            steady = Clock(clock_type=ClockType.STEADY_TIME)
            self._timer = node.create_timer(PERIOD_S, self._empty, clock=steady)

    def open(self) -> None:
        """Receive what is published from now on."""
        with self._taking:
            self._pass_by()
            self._gate.is_open = True
        if self._node.executor is not None:  # it waits for what was open when it began to
            self._node.executor.wake()

    def close(self) -> None:
        """Receive nothing until it is opened again."""
        self._gate.is_open = False

    def destroy(self) -> None:
        """Unsubscribe."""
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
        self._node.destroy_subscription(self._subscription)

    def _empty(self) -> None:
        with self._taking:
            if not self._gate.is_open:
                self._pass_by()

    def _pass_by(self) -> None:
        subscription = self._subscription
        with subscription.handle:
            for _ in range(max(subscription.qos_profile.depth, 1)):  # more would be new ones
                if subscription.handle.take_message(subscription.msg_type, True) is None:
                    return
