# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The journal of a labelling: what operators did, one checked line after the other, never changed.

    <CRC-32 of the rest of the line> {"serial": 7, "do": "accept", "first": 0, "last": 120, …}

A line counts once it is on the disk in full, so a process that is killed while it writes loses that
line alone, and nobody was told that it counts.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class JournalError(Exception):
    """A journal that cannot be used; the text says what to do."""


class Journal:
    """An append-only file that one process at a time has open. Not thread-safe.

    Attributes:
        path: of the file.
        entries: what it held when it was opened, first the one that `first` made.
        torn: bytes of an unfinished last line that were cut off.
    """

    def __init__(self, path: Path, first: Mapping[str, Any]) -> None:
        """Open the journal, or begin it.

        Args:
            path: of the file, in a folder that exists.
            first: entry that a new journal begins with.

        Raises:
            JournalError: when another process has it, or a line in its middle is damaged.
            OSError: when it cannot be read or written.
        """
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise JournalError(
                    f'{path.parent} is open in another console; close that one, or give this one '
                    'a folder of its own'
                ) from error
            content = path.read_bytes()
            self.entries, self._size = _parse(content, path)
            self.torn = len(content) - self._size
            if self.torn:
                os.ftruncate(self._descriptor, self._size)
            if not self.entries:
                self.append(first)
                self.entries = [dict(first)]
        except BaseException:
            self.close()
            raise

    def append(self, entry: Mapping[str, Any]) -> None:
        """Write an entry; it is on the disk when this returns.

        Raises:
            OSError: when it cannot be written; the journal is as it was before.
        """
        text = json.dumps(entry, separators=(',', ':')).encode()
        line = b'%08x ' % zlib.crc32(text) + text + b'\n'
        try:
            written = 0
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
            os.fsync(self._descriptor)
        except OSError:
            with contextlib.suppress(OSError):  # else the next opening cuts it off
                os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(line)

    def close(self) -> None:
        """Give the file back; may be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _parse(content: bytes, path: Path) -> tuple[list[Entry], int]:
    """Return the entries, and how many bytes from the start are sound."""
    entries: list[Entry] = []
    position = 0
    while position < len(content):
        end = content.find(b'\n', position)
        if end < 0:
            break
        entry = _entry(content[position:end])
        if entry is None:
            if end + 1 == len(content):
                break
            raise JournalError(
                f'line {len(entries) + 1} of {path} is damaged, and lines follow it; restore the '
                'file from a copy, or delete that line and all that follow to go on from there'
            )
        entries.append(entry)
        position = end + 1
    return entries, position


def _entry(line: bytes) -> Entry | None:
    checksum, _, text = line.partition(b' ')
    if checksum != b'%08x' % zlib.crc32(text):
        return None
    return json.loads(text)
