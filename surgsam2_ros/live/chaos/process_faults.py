# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Faults of the node's process and its snapshot: killed, ended, frozen, damaged, no room."""

from __future__ import annotations

import signal
import threading
import time

import numpy as np

from surgsam2_ros.live.chaos.expectations import EXIT_S, SNAPSHOT_PARAMETER, BrokenPromiseError
from surgsam2_ros.live.chaos.fault import Fault, Objects
from surgsam2_ros.live.chaos.stage import Stage

_KILL_S = 5.0  # the kernel needs that for a process that is deep in a call
_HEAD = 32  # bytes that tell a snapshot from another file, and a few more
_FULL = 100_000  # bytes that still fit on the full disk


def _kill(stage: Stage, rng: np.random.Generator) -> None:
    time.sleep(rng.uniform(0.2, 1.2))
    stage.node.send(signal.SIGKILL)
    stage.node.wait_for_end(_KILL_S)


def _kill_while_prompting(stage: Stage, rng: np.random.Generator) -> None:
    """Its request dies with it, so whether that is answered does not count."""
    asking = threading.Thread(target=stage.add_quietly, args=('late',), daemon=True)
    asking.start()
    time.sleep(rng.uniform(0, 0.1))
    _kill(stage, rng)


def _kill_and_damage(stage: Stage, rng: np.random.Generator) -> None:
    """Leave a snapshot behind that nobody must trust: tracking starts empty."""
    _kill(stage, rng)
    if stage.snapshot.exists():
        stage.snapshot.write_bytes(damaged(stage.snapshot.read_bytes(), rng))


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Return the contents of a snapshot cut off, with one bit changed, or replaced by noise.

    Its first words stay: what the node takes for somebody else's file it never replaces.
    """
    head, body = data[:_HEAD], bytearray(data[_HEAD:])
    kind = rng.integers(3)
    if kind == 0:
        return head + body[: int(rng.integers(len(body)))]
    if kind == 1:
        body[int(rng.integers(len(body)))] ^= 1 << int(rng.integers(8))
        return head + body
    return head + rng.bytes(len(body))


def _terminate(stage: Stage, rng: np.random.Generator) -> None:
    _end_by(stage, signal.SIGTERM, rng)


def _interrupt(stage: Stage, rng: np.random.Generator) -> None:
    _end_by(stage, signal.SIGINT, rng)


def _interrupt_twice(stage: Stage, rng: np.random.Generator) -> None:
    """As Ctrl-C at a launch does: the terminal and launch send one each."""
    stage.node.send(signal.SIGINT)
    time.sleep(rng.uniform(0, 0.3))
    if stage.node.exit_status is None:
        _end_by(stage, signal.SIGINT, rng)


def _end_by(stage: Stage, number: signal.Signals, rng: np.random.Generator) -> None:
    time.sleep(rng.uniform(0, 0.5))
    stage.node.send(number)
    status = stage.node.wait_for_end(EXIT_S)
    if status is None:
        stage.node.send(signal.SIGKILL)
        stage.node.wait_for_end(_KILL_S)
        raise BrokenPromiseError(f'{number.name} did not end the process within {EXIT_S:g} s')
    if status:
        raise BrokenPromiseError(
            f'{number.name} ended the process with status {status}, expected was 0'
        )


def _freeze(stage: Stage, rng: np.random.Generator) -> None:
    stage.node.send(signal.SIGSTOP)
    try:
        time.sleep(rng.uniform(1, 5))
    finally:
        stage.node.send(signal.SIGCONT)


def _freeze_with_calls(stage: Stage, rng: np.random.Generator) -> None:
    """Call it while it stands still: it answers afterwards."""
    waking = threading.Timer(rng.uniform(1, 3), stage.node.send, [signal.SIGCONT])
    stage.node.send(signal.SIGSTOP)
    waking.start()
    try:
        stage.flood_lists(20)
    finally:
        waking.join()


def _disk_full(stage: Stage, rng: np.random.Generator) -> None:
    """Let no snapshot be written: tracking goes on."""
    stage.node.limit_files(_FULL)
    try:
        time.sleep(rng.uniform(3, 5))
        stage.require_results('while the disk was full')
    finally:
        stage.node.limit_files(None)


PROCESS_FAULTS = (
    Fault('kill -9', _kill, Objects.RESTORED, restarts=True),
    Fault('kill -9 while prompting', _kill_while_prompting, Objects.RESTORED, restarts=True),
    Fault(
        'kill -9, snapshot damaged',
        _kill_and_damage,
        Objects.FORGOTTEN,
        restarts=True,
        needs=SNAPSHOT_PARAMETER,
    ),
    Fault('SIGTERM', _terminate, Objects.FORGOTTEN, restarts=True),
    Fault('SIGINT', _interrupt, Objects.FORGOTTEN, restarts=True),
    Fault('SIGINT twice', _interrupt_twice, Objects.FORGOTTEN, restarts=True),
    Fault('frozen and thawed', _freeze),
    Fault('frozen while called', _freeze_with_calls),
    Fault('disk full', _disk_full, needs=SNAPSHOT_PARAMETER),
)
