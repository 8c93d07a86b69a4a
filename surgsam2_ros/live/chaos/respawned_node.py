# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A node process that is started anew when it has ended, as launch's `respawn` does."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from surgsam2_ros.live.node_process import NodeProcess

_POLL_S = 0.02


class RespawnedNode:
    """The process of the node under test, one after the other; use it in a `with` statement.

    Args:
        folder: gets a folder for each life, with parameters and log.
        parameters, remap: as of NodeProcess.

    Attributes:
        lives: processes started so far.
    """

    def __init__(
        self, folder: Path, parameters: Mapping[str, Any], remap: Mapping[str, str]
    ) -> None:
        self._folder = folder
        self._parameters = parameters
        self._remap = remap
        self.lives = 0
        self._process: NodeProcess | None = None
        self.respawn()

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """Status that the present process ended with; None while it runs."""
        return self._process.exit_status

    def respawn(self) -> None:
        """Start a process; the one before has ended."""
        folder = self._folder / f'life_{self.lives}'
        folder.mkdir(parents=True)
        self.lives += 1
        self._process = NodeProcess(folder, self._parameters, self._remap)

    def send(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        os.kill(self.pid, number)

    def wait_for_end(self, timeout_s: float) -> int | None:
        """Wait for the end of the process; returns its status, None when it goes on."""
        deadline = time.monotonic() + timeout_s
        while self.exit_status is None and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return self.exit_status

    def limit_files(self, size: int | None) -> None:
        """Let files that the process writes grow no larger than so many bytes; None ends that.

        To a program that is what a full disk is: its writes fail.
        """
        hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)[1]
        soft = hard if size is None else size
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (soft, hard))

    def describe_log(self) -> str:
        """Return the last lines of the present log."""
        return self._process.describe_log()

    def __enter__(self) -> RespawnedNode:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.stop()
