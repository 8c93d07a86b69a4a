# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A labelling on disk: every change is in the journal before it counts, and survives a kill."""

from __future__ import annotations

import base64
import contextlib
import os
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from surgsam2_ros.console.desk import DeskError
from surgsam2_ros.console.label.frame_masks import FrameMasks, ObjectMask
from surgsam2_ros.console.label.journal import Entry, Journal, JournalError
from surgsam2_ros.console.label.labels import VERDICTS, Labels, Verdict, runs_of
from surgsam2_ros.console.label.mask_files import MaskFiles
from surgsam2_ros.console.label.selection import Selected
from surgsam2_ros.tracking import MOST_INSTANCES, Prompt, TrackState

_FORMAT = 1


@dataclass(frozen=True)
class Bound:
    """The recording that a labelling belongs to.

    Attributes:
        path: of the recording.
        digest: tells it from others.
        frames: their number.
        size: (H, W) of them.
    """

    path: str
    digest: str
    frames: int
    size: tuple[int, int]


class Labelling:
    """Instruments, prompts, verdicts and masks in a work folder. Threads may share it.

    Attributes:
        folder: of the journal and the masks.
        labels: what it has come to; read it within `lock`.
        masks: their files; as above.
        lock: held while something changes.
        told: sentences about what was found when it was opened.
    """

    def __init__(self, folder: Path, bound: Bound) -> None:
        """Open the work folder, or begin it.

        Args:
            folder: to work in; made when it is not there.
            bound: recording that is labelled.

        Raises:
            DeskError: when the folder belongs to another recording, is open in another process, is
                damaged or cannot be written.
        """
        self.folder, self._size, self._frames = folder, bound.size, bound.frames
        self.lock = threading.RLock()
        self.told: list[str] = []
        first = {'serial': 0, 'do': 'begin', 'format': _FORMAT, **vars(bound), 'at': _now()}
        with self._saving():
            folder.mkdir(parents=True, exist_ok=True)
            self._journal = Journal(folder / 'journal.jsonl', first)
        try:
            entries = self._journal.entries
            _check(entries[0], bound, folder)
            self._entries = [_without_prompt(entry) for entry in entries[1:]]
            self._journal.entries = []
            self._newest = entries[-1]['serial']
            self.labels = Labels.of(self._entries, bound.frames)
            done = {entry['serial'] for entry in self._entries}
            with self._saving():
                self.masks = MaskFiles(folder / 'masks', bound.frames, done.__contains__)
        except BaseException:
            self._journal.close()
            raise
        if self._journal.torn:
            self.told.append(
                'The newest line of the journal was not complete: the process was ended while it '
                'wrote it. All before it is there.'
            )
        if self.masks.damaged:
            self.told.append(
                f'{len(self.masks.damaged)} files of masks are damaged, the first one is that of '
                f'frame {self.masks.damaged[0]}; these frames count as not tracked.'
            )

    def give(self, frame: int, prompt: Prompt, selected: Selected, author: str) -> None:
        """Note a prompt, and that this is what it selects.

        Raises:
            DeskError: when it cannot be saved; nothing was changed.
        """
        with self.lock:
            known = self.labels.objects.get(prompt.object_id)
            instance = known.instance if known else self._free_instance()
            mask = ObjectMask(
                instance, selected.crop, selected.score, selected.presence, TrackState.TRACKED
            )
            former = self.masks.read(frame) or FrameMasks(self._size, {})
            masks = former.changed([mask])
            entry = self._entry('give', author) | {
                'object': prompt.object_id,
                'instance': instance,
                'class_name': prompt.class_name,
                'replaces': instance in former.objects,
                'frame': frame,
                'prompt': _as_json(prompt),
            }
            self._append_with(entry, frame, masks)

    def remove(self, object_id: str, author: str) -> None:
        """End an instrument; its masks stay in the files, for `undo`."""
        self._change('remove', author, object=object_id)

    def describe(self, object_id: str, changes: dict[str, Any], author: str) -> None:
        """Change name, class_name or locked of an instrument."""
        self._change('describe', author, object=object_id, changes=changes)

    def judge(self, verdict: Verdict, first: int, last: int, author: str) -> int:
        """Accept, reject or clear frames; returns how many.

        Only frames with masks are accepted, and no rejected ones unless all of them are.

        Raises:
            DeskError: when there is nothing to accept, or it cannot be saved.
        """
        with self.lock:
            chosen = np.ones(last - first + 1, bool)
            if verdict == Verdict.ACCEPTED:
                tracked = self.masks.tracked(self.labels.instances)[first : last + 1]
                rejected = self.labels.verdicts[first : last + 1] == Verdict.REJECTED
                chosen = tracked & ~rejected if (tracked & ~rejected).any() else tracked
                if not chosen.any():
                    raise DeskError(
                        f'frames {first} to {last} have no masks to accept; prompt an instrument '
                        'and propagate it first'
                    )
                with self._saving():
                    self.masks.make_durable((first + np.flatnonzero(chosen)).tolist())
            gaps = [(first + a, first + b) for a, b, value in runs_of(chosen) if not value]
            kind = next(kind for kind, value in VERDICTS.items() if value == verdict)
            self._change(kind, author, first=first, last=last, **{'except': gaps})
            return int(chosen.sum())

    def undo(self, author: str) -> str:
        """Take back the newest change that was not; returns a sentence, empty when there is none.

        What a prompt's mask had been carried to stays; that of its own frame returns.
        """
        with self.lock:
            undone = {entry['of'] for entry in self._entries if entry['do'] == 'undo'}
            candidates = (
                entry
                for entry in reversed(self._entries)
                if entry['do'] != 'undo' and entry['serial'] not in undone
            )
            newest = next(candidates, None)
            if newest is None:
                return ''
            entry = self._entry('undo', author) | {'of': newest['serial']}
            masks = self._masks_without(newest) if newest['do'] == 'give' else None
            if masks is None:
                with self._saving():
                    self._append(entry)
            else:
                self._append_with(entry, newest['frame'], masks)
            self.labels = Labels.of(self._entries, self._frames)
            return _sentence(newest)

    def put(self, frame: int, objects: Iterable[ObjectMask]) -> None:
        """Write what was tracked in a frame, beside the masks of other objects.

        Raises:
            DeskError: when it cannot be saved; the former masks stay.
        """
        with self.lock, self._saving():
            known = [one for one in objects if one.instance in self.labels.instances]
            former = self.masks.read(frame) or FrameMasks(self._size, {})
            self.masks.write(frame, former.changed(known))

    def close(self) -> None:
        """Give the folder back; may be called twice."""
        with self.lock:
            self._journal.close()

    def _masks_without(self, given: Entry) -> FrameMasks | None:
        """Return the masks of a frame with that of one object as it was before a prompt.

        None: they stay, for the former mask is no longer kept.
        """
        masks = self.masks.read(given['frame'])
        if masks is None:
            return None
        before = self.masks.before(given['serial'], given['instance'])
        if before is not None:
            return masks.changed([before])
        return None if given['replaces'] else masks.changed([], {given['instance']})

    def _append_with(self, entry: Entry, frame: int, masks: FrameMasks) -> None:
        """Note an entry and the masks that it brings: both, or none of them."""
        serial = entry['serial']
        with self._saving():
            self.masks.prepare(serial, frame, masks)
            try:
                self._append(entry)
            except OSError:
                self.masks.drop(serial, frame)
                raise
            self.masks.commit(serial, frame, masks)

    def _change(self, kind: str, author: str, **values: Any) -> None:
        with self.lock, self._saving():
            self._append(self._entry(kind, author) | values)

    def _entry(self, kind: str, author: str) -> Entry:
        return {'serial': self._newest + 1, 'do': kind, 'author': author, 'at': _now()}

    def _append(self, entry: Entry) -> None:
        self._journal.append(entry)
        self._newest = entry['serial']
        kept = _without_prompt(entry)
        self._entries.append(kept)
        self.labels.apply(kept)

    def _free_instance(self) -> int:
        """Return an instance that no instrument has had: files may still hold its masks."""
        used = max((entry.get('instance', 0) for entry in self._entries), default=0)
        if used == MOST_INSTANCES:
            raise DeskError(
                f'{MOST_INSTANCES} instruments have been started here, and a label image tells no '
                'more of them apart; label the rest of the recording in another work folder'
            )
        return used + 1

    @contextlib.contextmanager
    def _saving(self) -> Iterator[None]:
        try:
            yield
        except JournalError as error:
            raise DeskError(str(error)) from error
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise DeskError(
                f'{self.folder} cannot be written: {reason}; nothing was changed. Make room, or '
                'see to its permissions, and do it again'
            ) from error


def _check(begun: Entry, bound: Bound, folder: Path) -> None:
    if begun.get('do') != 'begin' or begun.get('format') != _FORMAT:
        raise DeskError(f'{folder} is no work folder of this version; give another one')
    there = (begun['digest'], begun['frames'], tuple(begun['size']))
    if there != (bound.digest, bound.frames, bound.size):
        raise DeskError(
            f'{folder} holds the labels of {begun["path"]} ({begun["frames"]} frames), not those '
            f'of {bound.path} ({bound.frames} frames); give this recording a work folder of its own'
        )


def _without_prompt(entry: Entry) -> Entry:
    """Return an entry without the points and pixels, which only the file needs to hold."""
    return {name: value for name, value in entry.items() if name != 'prompt'}


def _as_json(prompt: Prompt) -> dict[str, Any]:
    """Write a prompt down, its mask as rows of bits."""
    values: dict[str, Any] = {}
    for name in ('points', 'labels', 'box'):
        value = getattr(prompt, name)
        if value is not None:
            values[name] = np.asarray(value).tolist()
    if prompt.mask is not None:
        mask = np.asarray(prompt.mask) != 0
        packed = zlib.compress(np.packbits(mask).tobytes())
        values['mask'] = {'size': mask.shape, 'bits': base64.b64encode(packed).decode()}
    return values


def _sentence(entry: Entry) -> str:
    """Say what was taken back."""
    kind = entry['do']
    if kind == 'give':
        return f'Took back the prompt for {entry["object"]} in frame {entry["frame"]}.'
    if kind == 'remove':
        return f'{entry["object"]} is back.'
    if kind == 'describe':
        return f'Took back the change of {", ".join(entry["changes"])} of {entry["object"]}.'
    done = {'accept': 'accepted', 'reject': 'rejected', 'clear': 'cleared'}[kind]
    return f'Frames {entry["first"]} to {entry["last"]} are no longer {done}.'


def _now() -> str:
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())
