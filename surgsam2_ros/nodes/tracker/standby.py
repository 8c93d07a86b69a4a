# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A subscription that is there before it is used, so that nothing has to be found out then."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.subscription import Subscription

if TYPE_CHECKING:
    from rclpy.callback_groups import Entity


class _Gate(CallbackGroup):
    """Keeps messages with the middleware while it is closed; events of the topic always pass."""

    def __init__(self) -> None:
        super().__init__()
        self.is_open = False

    def can_execute(self, entity: Entity) -> bool:
        return self.is_open or not isinstance(entity, Subscription)

    def beginning_execution(self, entity: Entity) -> bool:
        return self.can_execute(entity)

    def ending_execution(self, entity: Entity) -> None:
        pass


class StandbySubscription:
    """A subscription whose publishers are known before its first message is wanted.

    While it is closed, no message is taken from the middleware, which keeps the last ones and
    overwrites them: nothing is converted, and the executor is not woken. Opening it passes those
    by, so that the first message that is received was published since.

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
        self._subscription = node.create_subscription(
            message_type, topic, callback, callback_group=self._gate, **options
        )

    def open(self) -> None:
        """Receive what is published from now on."""
        self._pass_by()
        self._gate.is_open = True
        if self._node.executor is not None:  # it waits for what was open when it began to
            self._node.executor.wake()

    def close(self) -> None:
        """Receive nothing until it is opened again."""
        self._gate.is_open = False

    def destroy(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self._subscription)

    def _pass_by(self) -> None:
        subscription = self._subscription
        with subscription.handle:
            for _ in range(max(subscription.qos_profile.depth, 1)):  # more would be new ones
                if subscription.handle.take_message(subscription.msg_type, True) is None:
                    return
