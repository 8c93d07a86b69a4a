# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a node decides about instruments that it finds by itself, for those who watch it."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node

from surgsam2_msgs.msg import Event
from surgsam2_ros.nodes.messages import qos

_IN_WORDS = {
    Event.START: 'was found',
    Event.RETAKE: 'was found again',
    Event.CORRECT: 'was corrected',
    Event.END: 'has ended',
    Event.DISMISS: 'is left alone',
}


def watch_decisions(node: Node, target: str, tell: Callable[[str, str], None]) -> None:
    """Have every decision of a node told.

    Args:
        node: subscribes for as long as it lives; it has to be spun by someone.
        target: name of the watched node, with its namespace.
        tell: receives the object's id, empty where there is none, and what was decided and why.
    """

    def take(event: Event) -> None:
        done = _IN_WORDS.get(event.what, event.what)
        tell(event.object_id, f'{done}: {event.why}')

    node.create_subscription(Event, f'{target}/events', take, qos.EVENTS)
