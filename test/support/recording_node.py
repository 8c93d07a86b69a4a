# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for a node that keeps what is published, for tests of what goes into messages."""

from __future__ import annotations


class RecordingPublisher:
    """Keeps what is published."""

    def __init__(self):
        self.messages = []
        self.subscribers = 0

    def publish(self, message):
        self.messages.append(message)

    def get_subscription_count(self):
        return self.subscribers


class RecordingNode:
    """Gives out recording publishers by topic."""

    def __init__(self):
        self.publishers = {}

    def resolve_topic_name(self, topic):
        return topic.replace('~', '/surgsam2')

    def create_lifecycle_publisher(self, _message_type, topic, qos_profile, **_quality):
        return self.publishers.setdefault(topic, RecordingPublisher())

    def destroy_lifecycle_publisher(self, publisher):
        self.publishers = {t: p for t, p in self.publishers.items() if p is not publisher}
