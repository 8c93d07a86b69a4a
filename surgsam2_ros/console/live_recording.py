# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Recordings of a live desk: started and stopped by operators, into one folder, disk in view."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from surgsam2_ros.console.desk import DeskError
from surgsam2_ros.console.live_desk import LiveDesk
from surgsam2_ros.nodes.replay.session_recorder import SessionRecorder
from surgsam2_ros.sources import SourceError
from surgsam2_ros.tracking.prompts import Prompt

RESERVE_BYTES = 1_000_000_000
"""Recording stops while so much of the disk is left, which completes the file and spares others."""

_CHECK_S = 0.5


@dataclass(frozen=True)
class RecordingState:
    """What is shown of a recording.

    Attributes:
        name: of the file that is being written; empty while nothing is recorded.
        seconds: since it was started.
        bytes: of its messages.
        counts: their numbers, by topic.
        free_bytes: left on the disk of the folder.
    """

    name: str
    seconds: float
    bytes: int
    counts: dict[str, int]
    free_bytes: int

    @property
    def messages(self) -> int:
        """Their number, of all topics."""
        return sum(self.counts.values())

    @property
    def text(self) -> str:
        """The same in a line."""
        free = f'{self.free_bytes / 1e9:.1f} GB free'
        if not self.name:
            return free
        minutes, seconds = divmod(int(self.seconds), 60)
        return f'{minutes}:{seconds:02}, {self.bytes / 1e6:.0f} MB, {free}'


class LiveRecording:
    """Records all cameras of a desk: images, tracks and prompts; one file at a time.

    Args:
        desk: whose cameras; told when a recording starts and ends.
        folder: that files go to, and nowhere else; made when it is not there.
        free_bytes: asked how much of a folder's disk is left.

    Raises:
        DeskError: the folder cannot be made.
    """

    def __init__(
        self,
        desk: LiveDesk,
        folder: Path,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DeskError(f'recordings cannot go to {folder}: {error}') from error
        self._desk, self._folder, self._free_bytes = desk, folder, free_bytes
        self._lock = threading.RLock()
        self._recorder: SessionRecorder | None = None
        self._path = folder
        self._began_s = 0.0
        self._ended = threading.Event()
        desk.listen_to_prompts(self._write_prompt)

    @property
    def state(self) -> RecordingState:
        """What is shown."""
        free = self._free_bytes(self._folder)
        with self._lock:
            recorder = self._recorder
            if recorder is None:
                return RecordingState('', 0.0, 0, {}, free)
            return RecordingState(
                self._path.name,
                time.monotonic() - self._began_s,
                recorder.written_bytes,
                recorder.counts,
                free,
            )

    def start(self, author: str = '') -> None:
        """Start a recording.

        Raises:
            DeskError: one is under way, there is nothing to record, or the disk is full.
        """
        with self._lock:
            if self._recorder is not None:
                raise DeskError(f'{self._path.name} is being recorded already')
            topics = self._topics()
            free = self._free_bytes(self._folder)
            if free <= RESERVE_BYTES:
                raise DeskError(
                    f'only {free / 1e9:.1f} GB are free in {self._folder}, and '
                    f'{RESERVE_BYTES / 1e9:g} GB are to be left; make room, or choose another '
                    'folder with --record-to'
                )
            self._path = _free_name(self._folder)
            try:
                self._recorder = SessionRecorder(self._path, topics)
            except (SourceError, OSError) as error:
                raise DeskError(f'{self._path.name} cannot be recorded: {error}') from error
            self._began_s = time.monotonic()
            self._ended = threading.Event()
        threading.Thread(target=self._watch, args=[self._ended], daemon=True).start()
        self._desk.tell(f'recording to {self._path.name}', author)

    def stop(self, author: str = '') -> Path:
        """Stop the recording and return its file, which is complete then.

        Raises:
            DeskError: none is under way, or it could not be completed.
        """
        with self._lock:
            if self._recorder is None:
                raise DeskError('nothing is being recorded')
            path = self._path
            self._close()
        self._desk.tell(f'recorded {path.name}', author)
        return path

    def toggle(self, author: str = '') -> None:
        """Stop the recording that is under way, else start one; raises what these do."""
        with self._lock:
            if self._recorder is not None:
                self.stop(author)
            else:
                self.start(author)

    def close(self) -> None:
        """Complete what is being recorded."""
        with self._lock:
            if self._recorder is not None:
                self._close()

    def _close(self) -> None:
        recorder, self._recorder = self._recorder, None
        self._ended.set()
        try:
            recorder.close()
        except SourceError as error:
            self._desk.tell(str(error), is_problem=True)
            raise DeskError(str(error)) from error

    def _watch(self, ended: threading.Event) -> None:
        """Stop the recording when the disk gets full, or nothing can be written any more."""
        while not ended.wait(_CHECK_S):
            with self._lock:
                if ended.is_set():
                    return
                reason = self._recorder.failure
                if not reason and self._free_bytes(self._folder) <= RESERVE_BYTES:
                    reason = f'{RESERVE_BYTES / 1e9:g} GB are left on its disk'
                if reason:
                    self._desk.tell(
                        f'recording of {self._path.name} was stopped: {reason}', is_problem=True
                    )
                    self._stop_quietly()
                    return

    def _stop_quietly(self) -> None:
        try:
            self._close()
        except DeskError:  # told already
            return

    def _topics(self) -> list[str]:
        topics = []
        for name in self._desk.cameras:
            report = self._desk.camera(name).node.report
            if report.is_there and report.input_topic:
                topics += [report.input_topic, f'{name}/tracks', _prompts_topic(name)]
        if not topics:
            raise DeskError(
                f'there is nothing to record: none of {", ".join(self._desk.cameras)} is there'
            )
        return topics

    def _write_prompt(self, camera: str, stamp_ns: int, prompt: Prompt) -> None:
        with self._lock:
            if self._recorder is not None:
                self._recorder.write_prompt(_prompts_topic(camera), stamp_ns, prompt)


def _prompts_topic(node: str) -> str:
    """Return the topic that a node takes prompts from, unless it was remapped."""
    return f'{node.rpartition("/")[0]}/prompts'


def _free_name(folder: Path) -> Path:
    """Return a file of the present time that is not there yet."""
    name = datetime.now().strftime('recording_%Y%m%d_%H%M%S')
    path, number = folder / f'{name}.mcap', 2
    while path.exists():
        path, number = folder / f'{name}_{number}.mcap', number + 1
    return path
