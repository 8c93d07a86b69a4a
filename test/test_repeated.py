# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Work that is done again and again, and when it ends."""

from __future__ import annotations

import threading
import time

from surgsam2_ros.repeated import Repeated


def test_it_is_done_again_and_again_until_closed():
    times, thrice = [], threading.Event()

    def work() -> None:
        times.append(threading.current_thread().name)
        if len(times) == 3:
            thrice.set()

    repeated = Repeated('counting', 0.01, work)
    assert thrice.wait(60)
    repeated.close()
    count = len(times)
    time.sleep(0.1)
    assert times == ['counting'] * count
    repeated.close()


def test_work_that_says_so_is_not_done_again():
    times = []
    repeated = Repeated('counting', 0.01, lambda: bool(times.append(1)))
    time.sleep(0.2)
    repeated.close()
    assert times == [1]
