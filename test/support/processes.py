# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Real processes of a test, with their output in files."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


class TestProcess:
    """A real process of a test, with its output in a file.

    Attributes:
        name: how it is called in messages.
        log: the file that standard output and standard error go to.
    """

    __test__ = False  # not a test class, whatever its name begins with

    def __init__(
        self,
        command: Sequence[str | os.PathLike[str]],
        log: Path,
        *,
        name: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Start `command`; `env` is added to the environment of the test process."""
        self.name = name
        self.log = log
        with log.open('wb') as stream:
            self._process = subprocess.Popen(
                [os.fspath(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Return whether the process has not ended yet."""
        return self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        """Return the exit status, None while running; negative when ended by a signal."""
        return self._process.poll()

    @property
    def output(self) -> str:
        """Return everything written so far."""
        return self.log.read_text(errors='replace')

    def wait_for_output(self, text: str, timeout: float = 60.0) -> str:
        """Wait until `text` has been written and return the whole output so far.

        Raises:
            AssertionError: when the process ends first or `timeout` seconds pass.
        """
        deadline = time.monotonic() + timeout
        while text not in (output := self.output):
            ended = not self.running
            if ended and text in (output := self.output):
                break
            if ended:
                raise AssertionError(
                    f'{self.name} ended with {self.returncode} before it wrote {text!r}:\n{output}'
                )
            if time.monotonic() > deadline:
                raise AssertionError(
                    f'{self.name} did not write {text!r} in {timeout} s:\n{output}'
                )
            time.sleep(0.05)
        return output

    def wait(self, timeout: float = 60.0) -> int:
        """Wait for the process to end and return its exit status.

        Raises:
            AssertionError: when `timeout` seconds pass.
        """
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f'{self.name} did not end in {timeout} s:\n{self.output}'
            ) from None

    def signal(self, number: int = signal.SIGINT) -> None:
        """Send a signal, as Ctrl-C does by default."""
        if self.running:
            os.killpg(self._process.pid, number)

    def stop(self, timeout: float = 10.0) -> int:
        """End the process with SIGINT, then SIGTERM, then SIGKILL; return its exit status."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            self.signal(number)
            try:
                return self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                continue
        raise AssertionError(f'{self.name} (pid {self.pid}) could not be ended')
