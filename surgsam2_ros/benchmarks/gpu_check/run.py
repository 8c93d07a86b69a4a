# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Runs the parts one after the other, each in a process of its own and within its time.

A part that crashes, hangs or loses the device takes nothing else with it: what it had yielded is
in the report, which is written anew after every row.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMA = 1
RUNNING, DONE, CUT, FAILED, NOT_BUILT = 'running', 'done', 'cut', 'failed', 'not built'
_LAST_LINES = 5  # of what a part that failed wrote to stderr
_PATIENCE_S = 5.0  # for a process to end by itself before it is killed


@dataclass(frozen=True)
class Part:
    """A part of the check.

    Attributes:
        name: what people call it, and `--part` takes.
        title: what it answers.
        seconds: its share of eight minutes; what earlier parts leave over is its own too.
        proves: whether the check has not passed when the part is cut.
        rows: settings -> the rows, one by one; None where the product has no such thing yet.
    """

    name: str
    title: str
    seconds: float
    proves: bool
    rows: Callable[[Any], Iterator[dict[str, Any]]] | None


@dataclass
class PartReport:
    """What came of a part; `docs/gpu.md` describes the fields."""

    name: str
    title: str
    command: str
    proves: bool
    status: str
    seconds: float = 0.0
    rows: list[dict[str, Any]] = field(default_factory=list)
    said: str = ''

    @property
    def passed(self) -> bool:
        """Whether nothing in it is wrong, and all that has to be proven is."""
        wrong = any(row.get('passed') is False for row in self.rows)
        return not wrong and self.status in (DONE, NOT_BUILT, *(() if self.proves else (CUT,)))


def run_parts(
    parts: Sequence[Part],
    command: Callable[[Part], Sequence[str]],
    *,
    most_seconds: float,
    on_change: Callable[[Sequence[PartReport]], None],
    shown: Callable[[Part], str],
) -> list[PartReport]:
    """Run parts until all are done or the time is over.

    Args:
        parts: in their order.
        command: what runs a part and prints each of its rows as a line of JSON.
        most_seconds: of all of them; shares are scaled to fill it.
        on_change: called with all reports so far when there is more in them.
        shown: how people would run a part.
    """
    reports: list[PartReport] = []
    wanted = sum(part.seconds for part in parts if part.rows is not None)
    scale = most_seconds / wanted if wanted else 1.0
    ends_at = time.monotonic()
    for part in parts:
        status = NOT_BUILT if part.rows is None else RUNNING
        command_line = '' if part.rows is None else shown(part)
        report = PartReport(part.name, part.title, command_line, part.proves, status)
        reports.append(report)
        if part.rows is not None:
            ends_at += part.seconds * scale
            _run_part(command(part), report, ends_at, lambda: on_change(reports))
        on_change(reports)
    return reports


def _run_part(
    command: Sequence[str], report: PartReport, ends_at: float, on_row: Callable[[], None]
) -> None:
    """Run a process until it ends or its time is over; fill in the report."""
    begin = time.monotonic()
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors='replace',
        start_new_session=True,
    ) as process:
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        said: list[str] = []
        readers = [
            threading.Thread(target=_read, args=(process.stdout, lines.put, lines), daemon=True),
            threading.Thread(target=_read, args=(process.stderr, said.append), daemon=True),
        ]
        for reader in readers:
            reader.start()
        in_time = False
        try:
            in_time = _take_rows(lines, report, ends_at, on_row)
        finally:
            _end(process, told=not in_time)
    for reader in readers:
        reader.join(_PATIENCE_S)
    report.seconds = round(time.monotonic() - begin, 1)
    if not in_time:
        report.status = CUT
        report.said = f'cut after {report.seconds:.0f} s with {len(report.rows)} rows'
    elif process.returncode != 0:
        report.status = FAILED
        last = [line.rstrip() for line in said if line.strip()][-_LAST_LINES:]
        report.said = f'ended with status {process.returncode}: ' + ' | '.join(last)
    else:
        report.status = DONE


def _read(stream: Any, take: Callable[[str], None], end: Any = None) -> None:
    for line in stream:
        take(line)
    if end is not None:
        end.put(None)


def _take_rows(
    lines: queue.SimpleQueue, report: PartReport, ends_at: float, on_row: Callable[[], None]
) -> bool:
    """Take rows until the process closes its output; False when the time is over before."""
    while True:
        try:
            line = lines.get(timeout=max(ends_at - time.monotonic(), 0.0))
        except queue.Empty:
            return False
        if line is None:
            return True
        report.rows.append(json.loads(line))
        on_row()


def _end(process: subprocess.Popen, *, told: bool) -> None:
    """Wait for a process; first tell it to end if it should not go on by itself.

    SIGTERM lets it stop what it has started in sessions of their own, such as a node.
    """
    if told:
        process.terminate()
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def write_whole(path: Path, report: Mapping[str, Any]) -> None:
    """Write a report so that a reader, also after a crash, finds all of it or that before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coming = path.with_suffix('.coming')
    coming.write_text(json.dumps(report, indent=2) + '\n', encoding='utf-8')
    coming.replace(path)
