# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Keeps a recent snapshot of the tracker on disk, so that a process that is killed can go on.

The inference thread copies, a thread of its own writes. Knows nothing of ROS.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from surgsam2_ros.streaming.snapshot_file import (
    SnapshotFile,
    SnapshotRefusedError,
    StoredSnapshot,
)
from surgsam2_ros.tracking import StreamingTracker
from surgsam2_ros.tracking.snapshot import SnapshotError, restore_snapshot, take_snapshot

REMINDER_S = 60.0
"""A fault that stays is reported again after this long."""
_STOP_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Restored:
    """What came back from a snapshot.

    Attributes:
        object_ids: of the objects.
        age_s: how old the snapshot was when the restart began [s].
    """

    object_ids: tuple[str, ...]
    age_s: float

    def __str__(self) -> str:
        """Say it in words."""
        count, names = len(self.object_ids), ', '.join(self.object_ids)
        kind = 'object' if count == 1 else 'objects'
        return f'restored {count} {kind} ({names}) from a snapshot {self.age_s:.1f} s old'


class SnapshotKeeper:
    """Takes snapshots between frames and has them written; the newest alone waits for that.

    All methods but `suspend`, `resume` and `close` are for the thread that owns the tracker.

    Args:
        file: where snapshots go.
        binding: what they belong to, see StoredSnapshot.
        period_s: least time between two snapshots of an undisturbed stream [s].
        report: receives (kind, text) of what is wrong, seldom, on any thread.

    Attributes:
        restored: what `restore` brought back; None when that was nothing.
    """

    def __init__(
        self,
        file: SnapshotFile,
        binding: Mapping[str, str],
        *,
        period_s: float,
        report: Callable[[str, str], None],
    ) -> None:
        self.restored: Restored | None = None
        self._file, self._binding, self._period_s = file, dict(binding), period_s
        self._report = report
        self._reported_s = float('-inf')
        self._due_s = float('-inf')
        self._on_disk: frozenset[tuple[str, int]] = frozenset()  # or on its way there
        self._suspended = False
        self._work = threading.Condition()
        self._waiting: tuple[StoredSnapshot, int] | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name='snapshots', daemon=True)
        self._thread.start()

    def restore(
        self, tracker: StreamingTracker, session: int, *, began_s: float, max_age_s: float
    ) -> int:
        """Have a tracker go on from the file, where there is one that fits.

        Args:
            tracker: without objects; it stays so when the file is refused.
            session: number of a new session.
            began_s: the time that the age counts to, by the system's clock [s].
            max_age_s: oldest snapshot that is taken [s].

        Returns:
            the session of the objects that came back, else the new one.

        Raises:
            SnapshotRefusedError: naming the file and the reason, in one line.
        """
        try:
            data = self._file.read()
            if data is None:
                return session
            stored = StoredSnapshot.from_bytes(data)
            stored.check(self._binding, began_s=began_s, now_s=time.time(), max_age_s=max_age_s)
            restore_snapshot(tracker, stored.snapshot)
        except (SnapshotRefusedError, SnapshotError) as error:
            text = ' '.join(str(error).split())[:300]
            raise SnapshotRefusedError(
                f'the snapshot {self._file.path} is not used: {text}; tracking starts empty'
            ) from error
        self._on_disk = frozenset(stored.snapshot.objects)
        if not self._on_disk:
            return session
        age_s = max(began_s - stored.taken_s, 0.0)
        self.restored = Restored(tuple(o.object_id for o in tracker.objects), age_s)
        return stored.session

    def frame_done(self, tracker: StreamingTracker, session: int, *, prompted: bool) -> None:
        """Take a snapshot after a frame, when it is time for one or the frame took prompts."""
        if prompted or time.monotonic() >= self._due_s:
            self._take(tracker, session)

    def call_done(self, tracker: StreamingTracker, session: int) -> None:
        """See to it that an object that was removed between two frames cannot come back."""
        alive = {(one.object_id, one.instance) for one in tracker.objects}
        if self._on_disk - alive:
            self.discard()
            self._take(tracker, session)

    def discard(self) -> None:
        """Forget what was saved, at once."""
        self._on_disk = frozenset()
        with self._work:
            self._waiting = None
        try:
            self._file.discard()
        except OSError as error:
            self._complain(f'an old snapshot cannot be removed: {error}')

    def suspend(self) -> None:
        """Forget what was saved and save nothing until `resume`: the stop was meant."""
        self._suspended = True
        self.discard()

    def resume(self) -> None:
        """Save again, from the next frame on."""
        self._due_s = float('-inf')
        self._suspended = False

    def close(self) -> None:
        """Write what waits and end the thread."""
        with self._work:
            self._closed = True
            self._work.notify()
        self._thread.join(_STOP_TIMEOUT_S)

    def _take(self, tracker: StreamingTracker, session: int) -> None:
        edition = self._file.edition  # what is discarded from here on is not written
        if self._suspended:
            return
        self._due_s = time.monotonic() + self._period_s
        try:
            snapshot = take_snapshot(tracker)
        except Exception as error:  # whatever it is, tracking goes on
            self._complain(f'no snapshot was taken: {type(error).__name__}: {error}')
            return
        if not snapshot.objects:
            if self._on_disk:
                self.discard()
            return
        stored = StoredSnapshot(snapshot, self._binding, session, time.time())
        self._on_disk |= frozenset(snapshot.objects)
        with self._work:
            self._waiting = stored, edition
            self._work.notify()

    def _run(self) -> None:
        while True:
            with self._work:
                self._work.wait_for(lambda: self._waiting is not None or self._closed)
                if self._waiting is None:
                    return
                (stored, edition), self._waiting = self._waiting, None
            try:
                self._file.write(stored.to_bytes(), edition)
            except Exception as error:  # a full disk, a folder that is closed: tracking goes on
                self._complain(f'a snapshot was not written to {self._file.path}: {error}')

    def _complain(self, text: str) -> None:
        now_s = time.monotonic()
        if now_s - self._reported_s >= REMINDER_S:
            self._reported_s = now_s
            with contextlib.suppress(Exception):
                self._report('restart', f'{text}; after a crash objects must be prompted anew')
