# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Viewers of the operator's page without a browser: what they are shown, and how late."""

from __future__ import annotations

import contextlib
import json
import queue
import re
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from surgsam2_ros.live import LiveError

SLOW_S = 1.0
_START_S = 120.0
_ADDRESS = re.compile(r'http://127\.0\.0\.1:(\d+)/')


@dataclass(frozen=True)
class Shown:
    """A picture that came to a viewer; times are of the system's clock [ns].

    Attributes:
        serial: of the picture; the server sends the next one when it is told this.
        stamp_ns: of its image.
        arrived_ns: when all of it was there.
        latency_ms: age of the image when the node published its result, by the node.
        is_tracked: whether masks came with it.
    """

    serial: int
    stamp_ns: int
    arrived_ns: int
    latency_ms: float
    is_tracked: bool

    @property
    def lag_ms(self) -> float:
        """How far it was behind the node [ms]."""
        return (self.arrived_ns - self.stamp_ns) / 1e6 - self.latency_ms


@dataclass(eq=False)
class Viewer:
    """One that looks at a camera, and takes the next picture as soon as it has one.

    Attributes:
        is_slow: takes a picture a second, as a tablet behind a bad network.
        shown: the pictures that came.
    """

    port: int
    camera: str
    is_slow: bool = False
    shown: list[Shown] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._ended.set()
        self._thread.join(10.0)

    def _look(self) -> None:
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        address = f'ws://127.0.0.1:{self.port}/pixels/{self.camera}'
        with (
            contextlib.suppress(OSError, WebSocketException),
            connect(address, max_size=None, compression=None) as socket,
        ):
            while not self._ended.is_set():
                with contextlib.suppress(TimeoutError):
                    message = socket.recv(timeout=0.5)
                    if isinstance(message, bytes):
                        self.shown.append(read_shown(message, time.time_ns()))
                        self._ended.wait(SLOW_S if self.is_slow else 0.0)
                        socket.send(str(self.shown[-1].serial))


def read_shown(message: bytes, arrived_ns: int) -> Shown:
    """Read the header of a picture's message, as `console.pixel_stream` describes it."""
    (length,) = struct.unpack_from('<I', message)
    header = json.loads(message[4 : 4 + length])
    return Shown(
        header['serial'],
        int(header['stamp_ns']),
        arrived_ns,
        float(header['latency_ms']),
        header['labels'] > 0,
    )


@contextlib.contextmanager
def viewing(node: str, number: int, folder: Path) -> Iterator[list[Viewer]]:
    """Serve the page of a node in a process of its own and have it looked at in the block.

    Args:
        node: name of the node, with its namespace.
        number: of viewers; of several, the last one is slow. 0: nothing is served.
        folder: for the log.

    Raises:
        LiveError: the page is not served; tells the end of its log.
    """
    if not number:
        yield []
        return
    command = [sys.executable, '-m', 'surgsam2_ros.cli', 'console', '--node', node, '--port', '0']
    with (
        (folder / 'console.log').open('w') as log,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        viewers: list[Viewer] = []
        try:
            port = _port(process, folder / 'console.log')
            viewers += [Viewer(port, node, 0 < k == number - 1) for k in range(number)]
            yield viewers
        finally:
            for viewer in viewers:
                viewer.close()
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10.0)
            process.kill()


def viewer_row(viewers: list[Viewer], first_ns: int, last_ns: int) -> dict[str, float | int | None]:
    """Return what those were shown that are not slow: the least of their rates, the worst lags.

    Args:
        viewers: all of them.
        first_ns, last_ns: stamps of the first and the last measured image.
    """
    import numpy as np

    rates, lags = [], []
    for viewer in viewers:
        if not viewer.is_slow:
            shown = [s for s in viewer.shown if s.is_tracked and first_ns <= s.stamp_ns <= last_ns]
            rates.append(1e9 * len(shown) / max(last_ns - first_ns, 1))
            lags += [s.lag_ms for s in shown]
    return {
        'viewers': len(viewers),
        'shown_hz': round(min(rates), 2) if rates else None,
        **{
            f'lag_ms_{name}': round(float(np.percentile(lags, share)), 2) if lags else None
            for name, share in (('p50', 50), ('p95', 95), ('max', 100))
        },
    }


def _port(process: subprocess.Popen, log: Path) -> int:
    """Read on which port the page is served."""
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in process.stdout:
            lines.put(line)
        lines.put('')

    threading.Thread(target=read, daemon=True).start()
    deadline = time.monotonic() + _START_S
    with contextlib.suppress(queue.Empty):
        while line := lines.get(timeout=max(deadline - time.monotonic(), 0.0)):
            if found := _ADDRESS.search(line):
                return int(found[1])
    end = ''.join(log.read_text(errors='replace').splitlines(keepends=True)[-5:])
    raise LiveError(f'the page was not served: {end.strip() or "it said nothing"}')
