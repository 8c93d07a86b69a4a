# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Runs surgsam2_node as a process of its own, with its log in a file."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from surgsam2_ros.live import LiveError
from surgsam2_ros.live.interruption import termination_as_interrupt

_LOG_LINES_SHOWN = 15
_STOP_TIMEOUT_S = 10.0


@contextlib.contextmanager
def replaying_node(
    folder: Path,
    parameters: Mapping[str, Any],
    remap: Mapping[str, str],
    env: Mapping[str, str] | None = None,
) -> Iterator[NodeProcess]:
    """Run a node for a replay in the block; it is stopped at the end, also when we are terminated.

    Args:
        folder, parameters, remap, env: as of NodeProcess.

    Raises:
        LiveError: when the replay fails; tells the end of the node's log.
    """
    from surgsam2_ros.nodes.client import SurgSam2Error
    from surgsam2_ros.nodes.replay.driving import ReplayError

    with termination_as_interrupt(), NodeProcess(folder, parameters, remap, env) as node:
        try:
            yield node
        except (SurgSam2Error, ReplayError) as error:
            raise LiveError(f'{error}\n{node.describe_log()}') from error


class NodeProcess:
    """A surgsam2_node process; use it in a `with` statement, at whose end it is stopped.

    Args:
        folder: gets node_parameters.yaml and node.log.
        parameters: parameter name -> value.
        remap: name in the node -> name to use instead.
        env: variables besides those of this process.
    """

    def __init__(
        self,
        folder: Path,
        parameters: Mapping[str, Any],
        remap: Mapping[str, str],
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.log = folder / 'node.log'
        file = folder / 'node_parameters.yaml'
        # JSON is YAML that needs no quoting rules.
        file.write_text(json.dumps({'/**': {'ros__parameters': dict(parameters)}}, indent=2) + '\n')
        command = [sys.executable, '-m', 'surgsam2_ros.nodes.tracker', '--ros-args']
        command += ['--params-file', str(file)]
        for old, new in remap.items():
            command += ['--remap', f'{old}:={new}']
        with self.log.open('wb') as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | dict(env or {}),
                start_new_session=True,  # Ctrl-C is for us: we stop the node in good order
            )

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """Status that the process ended with, -N when signal N ended it; None while it runs."""
        return self._process.poll()

    def check(self) -> None:
        """Raise when the process has ended.

        Raises:
            LiveError: with its exit status and the end of its log.
        """
        status = self.exit_status
        if status is not None:
            raise LiveError(f'the node ended with status {status}; {self.describe_log()}')

    def describe_log(self) -> str:
        """Return the last lines of the log, introduced by where it lies."""
        lines = self.log.read_text(errors='replace').strip().splitlines()[-_LOG_LINES_SHOWN:]
        return f'the end of {self.log}:\n' + '\n'.join(f'  {line}' for line in lines)

    def stall(self, duration_s: float) -> None:
        """Have the process stand still for a while [s], with what it was about to do."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            time.sleep(duration_s)
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> int:
        """End the process, politely first; returns its exit status."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None:
                self._process.send_signal(number)
                try:
                    self._process.wait(_STOP_TIMEOUT_S)
                except subprocess.TimeoutExpired:
                    continue
        return self._process.wait()

    def __enter__(self) -> NodeProcess:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
