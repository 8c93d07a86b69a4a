# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A thread for calls that change nothing about the stream, so that no frame waits for them.

Knows nothing of ROS.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from surgsam2_ros.streaming.requests import RequestQueue

_NICENESS = 5  # live frames get three times the processor


class CallThread:
    """Answers the calls of a queue of its own, one after the other, behind everything else.

    Args:
        subject: handed to every call; must bear to be read while another thread works with it.

    Attributes:
        requests: takes the calls.
    """

    def __init__(self, subject: Any) -> None:
        self._wake = threading.Event()
        self.requests = RequestQueue(wake=self._wake)
        self._subject = subject
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name='calls', daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """End the thread; False when the call in work did not end in time."""
        self._stopped = True
        self._wake.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        # On Linux threads have a niceness each. This is added to that of the process, below which
        # it would be refused.
        thread = threading.get_native_id()
        usual = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, usual + _NICENESS)  # the system takes 19 at most
        while not self._stopped:
            self._wake.wait()
            self._wake.clear()
            self.requests.answer_calls(lambda function: function(self._subject))
        self._subject = None
