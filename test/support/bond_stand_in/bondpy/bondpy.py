# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A bond with the interface of bondpy 4.1: heartbeats on a topic, as text instead of bond/Status.

It knows no state machine: a message of the other side that is not active breaks it.
"""

from __future__ import annotations

import json
import uuid

from std_msgs.msg import String


class Bond:
    """Sends the fields of bond/Status as JSON in std_msgs/String."""

    def __init__(self, topic, id, node, on_broken=None, on_formed=None):
        self.topic, self.id, self.node = topic, id, node
        self.instance_id = str(uuid.uuid4())
        self.heartbeat_period, self.heartbeat_timeout = 1.0, 4.0
        self._on_broken = on_broken
        self._publisher = node.create_publisher(String, topic, 1)
        self._subscription = self._timer = None

    def start(self):
        self._subscription = self.node.create_subscription(String, self.topic, self._hear, 1)
        self._timer = self.node.create_timer(self.heartbeat_period, lambda: self._send(True))

    def set_broken_callback(self, on_broken):
        self._on_broken = on_broken

    def break_bond(self):
        self._send(False)
        if self._on_broken:
            self._on_broken()

    def shutdown(self):
        self.node.destroy_timer(self._timer)
        self.node.destroy_subscription(self._subscription)
        self.node.destroy_publisher(self._publisher)

    def _hear(self, message):
        status = json.loads(message.data)
        if status['id'] != self.id or status['instance_id'] == self.instance_id:
            return
        if not status['active'] and self._on_broken:
            self._on_broken()

    def _send(self, active):
        status = {
            'id': self.id,
            'instance_id': self.instance_id,
            'active': active,
            'heartbeat_timeout': self.heartbeat_timeout,
            'heartbeat_period': self.heartbeat_period,
        }
        self._publisher.publish(String(data=json.dumps(status)))
