# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The folder of mask files: one small file a frame, each there in full or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import numpy as np

from surgsam2_ros.console.label.frame_masks import (
    FrameMasks,
    MaskFileError,
    ObjectMask,
    decode,
    encode,
    states_in,
)

NOT_TRACKED = 255
"""In place of a state, where an object has no mask."""
_KEPT_UNDO = 50
_A_FOLDER = 1000  # frames


class MaskFiles:
    """Masks by frame. Nothing of them stays in memory but a byte for each frame and object.

    Not thread-safe: its owner has one change after another. A file replaces another in one step,
    so a process that is killed leaves whole files; those of a power cut are told by their checksum.

    Attributes:
        states: by instance, uint8 [N], a TrackState or NOT_TRACKED.
        damaged: frames whose file could not be read; they count as not tracked.
    """

    def __init__(self, folder: Path, frames: int, is_done: Callable[[int], bool]) -> None:
        """Look through the folder, which is made when it is not there.

        Args:
            folder: of these files alone.
            frames: number N of them.
            is_done: whether a change with this number was carried out; what was prepared for
                others is forgotten.

        Raises:
            OSError: when a file cannot be read.
        """
        self._folder, self._undo, self._frames = folder, folder / 'undo', frames
        self._undo.mkdir(parents=True, exist_ok=True)
        self.states: dict[int, np.ndarray] = {}
        self.damaged: list[int] = []
        for part in folder.glob('*/.*.partial'):
            part.unlink()
        for pending in sorted(folder.glob('pending-*')):
            _, serial, frame = pending.name.split('-')
            if is_done(int(serial)):
                pending.replace(self._made_path(int(frame)))
            else:
                pending.unlink()
        for file in sorted(folder.glob('*/*.masks')):
            if file.parent != self._undo and int(file.stem) < frames:
                self._note(int(file.stem), file)

    def read(self, frame: int) -> FrameMasks | None:
        """Return the masks of a frame; None where nothing was tracked, or its file is damaged."""
        try:
            return decode(self._path(frame).read_bytes())
        except FileNotFoundError:
            return None
        except MaskFileError:
            self._forget(frame)
            return None

    def write(self, frame: int, masks: FrameMasks) -> None:
        """Replace the masks of a frame.

        Raises:
            OSError: when they cannot be written; the former ones stay.
        """
        path = self._made_path(frame)
        partial = path.with_name(f'.{path.name}.partial')
        try:
            partial.write_bytes(encode(masks))
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        self._set_states(frame, {one.instance: one.state for one in masks.objects.values()})

    def prepare(self, serial: int, frame: int, masks: FrameMasks) -> None:
        """Write the masks that change number `serial` brings; `commit` makes them count.

        The former ones are kept for `before`.

        Raises:
            OSError: when they cannot be written; nothing has changed.
        """
        pending, kept = self._pending(serial, frame), self._kept(serial)
        path = self._path(frame)
        try:
            with pending.open('wb') as file:
                file.write(encode(masks))
                file.flush()
                os.fsync(file.fileno())
            kept.unlink(missing_ok=True)
            if path.exists():
                os.link(path, kept)
        except OSError:
            self.drop(serial, frame)
            raise

    def commit(self, serial: int, frame: int, masks: FrameMasks) -> None:
        """Have the prepared masks take the place of the former ones."""
        self._pending(serial, frame).replace(self._made_path(frame))
        self._set_states(frame, {one.instance: one.state for one in masks.objects.values()})
        for old in sorted(self._undo.iterdir(), key=lambda file: int(file.stem))[:-_KEPT_UNDO]:
            old.unlink(missing_ok=True)

    def drop(self, serial: int, frame: int) -> None:
        """Forget prepared masks."""
        self._pending(serial, frame).unlink(missing_ok=True)
        self._kept(serial).unlink(missing_ok=True)

    def before(self, serial: int, instance: int) -> ObjectMask | None:
        """Return the mask that an object had before change `serial`, as far as it is kept."""
        try:
            return decode(self._kept(serial).read_bytes()).objects.get(instance)
        except (FileNotFoundError, MaskFileError):
            return None

    def make_durable(self, frames: Iterable[int]) -> None:
        """Return when the masks of these frames would survive a power cut; OSError if not."""
        for frame in frames:
            descriptor = os.open(self._path(frame), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def has(self, frame: int, instances: Collection[int]) -> bool:
        """Tell whether one of these instances has a mask in a frame, be it an empty one."""
        known = (self.states[instance] for instance in instances if instance in self.states)
        return any(states[frame] != NOT_TRACKED for states in known)

    def tracked(self, instances: Collection[int]) -> np.ndarray:
        """Tell in which frames one of these instances has a mask, bool [N]."""
        found = np.zeros(self._frames, bool)
        for instance in instances:
            if instance in self.states:
                found |= self.states[instance] != NOT_TRACKED
        return found

    def in_state(self, instances: Collection[int], state: int) -> np.ndarray:
        """Tell in which frames one of these instances is in a state, bool [N]."""
        found = np.zeros(self._frames, bool)
        for instance in instances:
            if instance in self.states:
                found |= self.states[instance] == state
        return found

    def _note(self, frame: int, file: Path) -> None:
        with file.open('rb') as source:
            start = source.readline() + source.readline()
        try:
            self._set_states(frame, states_in(start))
        except MaskFileError:
            self.damaged.append(frame)

    def _set_states(self, frame: int, states: dict[int, int]) -> None:
        self._forget(frame)
        for instance, state in states.items():
            if instance not in self.states:
                self.states[instance] = np.full(self._frames, NOT_TRACKED, np.uint8)
            self.states[instance][frame] = state

    def _forget(self, frame: int) -> None:
        for known in self.states.values():
            known[frame] = NOT_TRACKED

    def _path(self, frame: int) -> Path:
        return self._folder / f'{frame // _A_FOLDER:04d}' / f'{frame:07d}.masks'

    def _made_path(self, frame: int) -> Path:
        """Return the path, in a folder that is there."""
        path = self._path(frame)
        path.parent.mkdir(exist_ok=True)
        return path

    def _pending(self, serial: int, frame: int) -> Path:
        return self._folder / f'pending-{serial}-{frame}'

    def _kept(self, serial: int) -> Path:
        return self._undo / f'{serial}.masks'
