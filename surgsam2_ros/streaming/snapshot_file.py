# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A tracker's snapshot as a file: written whole or not at all, read without trust in it.

A line with a checksum, a line of JSON, then safetensors: `head -n 2` shows whose it is. Nothing in
such a file is ever run. Knows nothing of ROS.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import stat
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load, save

from surgsam2_ros.tracking.snapshot import TrackerSnapshot

MOST_BYTES = 1 << 30
"""Larger snapshots are neither written nor read."""
_MAGIC = b'surgsam2_ros snapshot 1 '
_FIRST_LINE = len(_MAGIC) + 64 + 1
_MEMORY_FILES = Path('/dev/shm')
_AHEAD_S = 1.0  # of a clock that was set back a little


class SnapshotRefusedError(RuntimeError):
    """A snapshot that must not be used; its text says why."""


@dataclass(frozen=True, eq=False)
class StoredSnapshot:
    """A snapshot with what it belongs to.

    Attributes:
        snapshot: of the tracker.
        binding: what must be the same where it is restored, by a name for people: the camera, the
            network, its weights.
        session: number of the stream of results that the objects belong to.
        taken_s: when it was taken, by the system's clock [s].
    """

    snapshot: TrackerSnapshot
    binding: Mapping[str, str]
    session: int
    taken_s: float

    def to_bytes(self) -> bytes:
        """Return the contents of the file."""
        head = {
            'binding': dict(self.binding),
            'session': self.session,
            'taken_s': self.taken_s,
            'tracker': self.snapshot.state,
        }
        tensors = {name: t.cpu().contiguous() for name, t in self.snapshot.tensors.items()}
        body = b'\n'.join([json.dumps(head).encode(), save(tensors)])
        return b''.join([_MAGIC, hashlib.sha256(body).hexdigest().encode(), b'\n', body])

    @classmethod
    def from_bytes(cls, data: bytes) -> StoredSnapshot:
        """Read the contents of a file, which may be anything.

        Raises:
            SnapshotRefusedError: when they are damaged or no snapshot.
        """
        if not data.startswith(_MAGIC):
            raise SnapshotRefusedError('it is no snapshot, or that of another version')
        body = memoryview(data)[_FIRST_LINE:]
        if hashlib.sha256(body).hexdigest().encode() + b'\n' != data[len(_MAGIC) : _FIRST_LINE]:
            raise SnapshotRefusedError('it is damaged: its checksum is wrong')
        try:
            head, _, tensors = bytes(body).partition(b'\n')
            values: dict[str, Any] = json.loads(head)
            snapshot = TrackerSnapshot(dict(values['tracker']), load(tensors))
            stored = cls(
                snapshot, dict(values['binding']), values['session'], float(values['taken_s'])
            )
            if type(stored.session) is not int or not 0 <= stored.session < 1 << 63:
                raise ValueError(f'its session is {stored.session!r}')
        except Exception as error:  # whoever wrote it, it must not end a node
            raise SnapshotRefusedError(f'it is damaged: {type(error).__name__}: {error}') from error
        return stored

    def check(
        self, binding: Mapping[str, str], *, began_s: float, now_s: float, max_age_s: float
    ) -> None:
        """Refuse a snapshot of something else, and an old one.

        Args:
            binding: what it must belong to.
            began_s: the time that the age counts to, by the system's clock [s].
            now_s: the system's clock [s].
            max_age_s: oldest that is taken [s].

        Raises:
            SnapshotRefusedError: naming what differs.
        """
        for name, own in binding.items():
            if (other := self.binding.get(name)) != own:
                raise SnapshotRefusedError(f'its {name} is {other!r}, not {own!r}')
        age_s, ahead_s = began_s - self.taken_s, self.taken_s - now_s
        if not age_s <= max_age_s:
            raise SnapshotRefusedError(
                f'it is {age_s:.1f} s old, more than restart.max_age_s = {max_age_s:g}'
            )
        if ahead_s > _AHEAD_S:
            raise SnapshotRefusedError(f'it was taken {ahead_s:.1f} s from now; the clock was set')


class SnapshotFile:
    """The file of one node's snapshots. Safe to use from several threads.

    Args:
        path: the file; its folder must be there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(f'{path.name}.part')
        self._lock = threading.Lock()
        self._edition = 0

    @property
    def edition(self) -> int:
        """Number that grows when what was written, or is being written, becomes worthless."""
        return self._edition

    def read(self) -> bytes | None:
        """Return the contents; None when there is no file.

        Raises:
            SnapshotRefusedError: for what cannot be one of our own files.
        """
        return self._read(MOST_BYTES)

    def write(self, data: bytes, edition: int) -> bool:
        """Replace the file in one step; False when `discard` was called since that edition.

        Raises:
            OSError: when it cannot be written, or something lies there that is no snapshot; what
                was there before is left.
        """
        if len(data) > MOST_BYTES:
            raise OSError(errno.EFBIG, f'{len(data)} bytes are more than {MOST_BYTES}')
        if self._is_foreign():
            raise OSError(errno.EEXIST, 'what lies there is no snapshot and is not replaced')
        self._leave_room(len(data))
        self._part.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with open(os.open(self._part, flags, 0o600), 'wb') as file:  # noqa: PTH123 as below
                file.write(data)
            with self._lock:
                if edition == self._edition:
                    self._part.replace(self.path)
                    return True
            return False
        finally:
            with contextlib.suppress(OSError):
                self._part.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove the file at once, and see to it that nothing older than this replaces it.

        What is no snapshot is left alone.

        Raises:
            OSError: when the file can neither be removed nor emptied.
        """
        with self._lock:
            self._edition += 1
            if self._is_foreign():
                return
            try:
                self.path.unlink(missing_ok=True)
            except OSError:  # the folder is closed to us; an empty file is refused as well
                os.truncate(self.path, 0)

    def _read(self, size: int) -> bytes | None:
        """Return the first bytes of the file, with the errors of `read`."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            with open(os.open(self.path, flags), 'rb') as file:  # noqa: PTH123 it has these flags
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode):
                    raise SnapshotRefusedError('it is no regular file')
                if found.st_uid != os.geteuid():
                    raise SnapshotRefusedError(f'it belongs to user {found.st_uid}')
                if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                    raise SnapshotRefusedError('others than its owner may write to it')
                if found.st_size > MOST_BYTES:
                    raise SnapshotRefusedError(f'it has {found.st_size} bytes, too many')
                return file.read(size)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise SnapshotRefusedError('it is a symbolic link') from error
            raise SnapshotRefusedError(f'it cannot be read: {error.strerror}') from error

    def _is_foreign(self) -> bool:
        """Tell whether something lies there that was not written by a SnapshotFile."""
        try:
            return bool(head := self._read(len(_MAGIC))) and head != _MAGIC
        except SnapshotRefusedError:
            return True

    def _leave_room(self, size: int) -> None:
        """Refuse to take the last of a memory file system, which the middleware lives in too."""
        space = os.statvfs(self.path.parent)
        if space.f_bavail * space.f_frsize < 2 * size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def default_path(node_name: str, domain_id: int) -> Path:
    """Return where a node's snapshot lies unless somebody says: in memory, one file per node.

    Args:
        node_name: with its namespace, '/endoscope/left/surgsam2'.
        domain_id: of ROS.
    """
    folder = _MEMORY_FILES if os.access(_MEMORY_FILES, os.W_OK) else Path(tempfile.gettempdir())
    name = re.sub(r'[^\w.]', '_', node_name.strip('/').replace('/', '.'), flags=re.ASCII)
    return folder / f'surgsam2-{os.geteuid()}-{domain_id}-{name}.snapshot'
