# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A node of a thread of its own ends quietly, whatever it is doing."""

from __future__ import annotations

import threading
import time

from surgsam2_ros.nodes.client.node_thread import NodeThread

CLOSINGS = 10


def test_a_node_is_closed_amid_its_callbacks(monkeypatch):
    failures = []
    monkeypatch.setattr(threading, 'excepthook', failures.append)
    for number in range(CLOSINGS):
        owner = NodeThread('busy')
        called = threading.Event()
        for _ in range(2):
            owner.node.create_timer(0.0001, called.set)
        assert called.wait(30)
        time.sleep(number * 2e-4)  # so that each closing meets another moment
        owner.close()
    assert not failures
