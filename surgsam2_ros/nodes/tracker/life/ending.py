# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Ends the process on SIGINT and SIGTERM: soon and with status 0, at any moment.

Imports nothing that takes time, so that it is in place before the libraries are loaded.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import NoReturn

DEADLINE_S = 2.0
"""The process is gone this long after the first signal, whatever still hangs."""

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class ProcessEnd:
    """Takes the signals of a process for as long as it lives; to be made on the main thread.

    Until `hold` nothing has been acquired, and a signal ends the process at once. From then on it
    is left to the main thread to give everything back and leave; rclpy shuts its context down on
    the same signals. A thread that is stuck in a long call of a library cannot keep the process: a
    watcher ends it at the deadline.

    Attributes:
        status: what the process ends with.
    """

    def __init__(self) -> None:
        self.status = 0
        self._held = False
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        # Written by the handler in C, so the watcher learns of a signal that the main thread, deep
        # in a library, has not seen yet.
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, args=(reading,), name='ending', daemon=True).start()
        for number in SIGNALS:
            signal.signal(number, self._take)

    def hold(self) -> None:
        """Leave it to the main thread to end the process from now on, within the deadline."""
        self._held = True

    def finish(self) -> NoReturn:
        """End the process, now that everything is given back that others could miss.

        Not by way of the interpreter's own end: that takes down what is loaded piece by piece, for
        seconds on a busy machine, and waits for threads still at work or crashes with them.
        """
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(self.status)

    def _take(self, _number: int, _frame: object) -> None:
        if not self._held:
            os._exit(self.status)

    def _watch(self, reading: int) -> None:
        os.read(reading, 1)
        time.sleep(DEADLINE_S)
        os._exit(self.status)
