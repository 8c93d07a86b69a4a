# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tests of the thread for calls that no frame waits for."""

from __future__ import annotations

import os
import threading

from surgsam2_ros.streaming.call_thread import CallThread


def test_calls_are_answered_in_their_order_on_a_thread_that_yields_the_processor():
    calls = CallThread('subject')
    order = []
    futures = [
        calls.requests.submit_call(lambda subject, n=n: order.append((n, subject)), timeout_s=10)
        for n in range(3)
    ]
    niceness = calls.requests.submit_call(
        lambda _: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()), timeout_s=10
    )
    assert niceness.result(timeout=10) == min(os.getpriority(os.PRIO_PROCESS, 0) + 5, 19)
    assert all(future.done() for future in futures)
    assert order == [(n, 'subject') for n in range(3)]
    assert calls.stop(10)


def test_stop_says_that_a_call_in_work_did_not_end():
    calls = CallThread(None)
    begun, go_on = threading.Event(), threading.Event()
    calls.requests.submit_call(lambda _: begun.set() or go_on.wait(10), timeout_s=10)
    assert begun.wait(10)
    assert not calls.stop(0.05)
    go_on.set()
    assert calls.stop(10)
