# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes labelled frames as a data set of the VOS layout, which training and evaluation read.

Each stretch of frames without a gap becomes a video of its own, so that none has a jump. Images are
the recording's own files where it holds such, else PNG; `export.json` says what it was made of.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from surgsam2_ros.console.desk import DeskError
from surgsam2_ros.console.label.labelling import Labelling
from surgsam2_ros.console.label.labels import Verdict, runs_of
from surgsam2_ros.console.label.recording import Recording
from surgsam2_ros.datasets.sequence_writer import write_atomically
from surgsam2_ros.drawing import label_palette
from surgsam2_ros.sources import write_label_png

CARD = 'export.json'


@dataclass
class _Written:
    """What has been written so far."""

    classes: dict[str, dict[str, str]] = field(default_factory=dict)
    frames: int = 0
    repeated: int = 0
    empty: int = 0
    seen: set[bytes] = field(default_factory=set)


class Export:
    """One data set, of the frames as they were judged when this was made.

    Attributes:
        frames: how many are to be written.
    """

    def __init__(
        self, recording: Recording, labelling: Labelling, folder: Path, *, everything: bool = False
    ) -> None:
        """Choose the frames.

        Args:
            recording, labelling: what to write.
            folder: of the data set; only an earlier export is replaced.
            everything: all frames with masks but the rejected ones, instead of the accepted ones.

        Raises:
            DeskError: when there is none, or the folder holds something else.
        """
        self._recording, self._labelling, self._folder = recording, labelling, folder
        with labelling.lock:
            labels = labelling.labels
            chosen = labels.verdicts == Verdict.ACCEPTED
            if everything:
                chosen = labels.verdicts != Verdict.REJECTED
            chosen = chosen & labelling.masks.tracked(labels.instances)
            self._names = {
                one.instance: one.class_name or one.name for one in labels.objects.values()
            }
        self._stretches = [(first, last) for first, last, value in runs_of(chosen) if value]
        self.frames = int(chosen.sum())
        if not self.frames:
            raise DeskError('no frame is accepted; accept a range of frames first')
        if folder.exists() and not (folder / CARD).is_file() and any(folder.iterdir()):
            raise DeskError(f'{folder} holds something that is no export; choose another folder')

    def run(self, stop: threading.Event, report: Callable[[int], None]) -> str:
        """Write the data set beside the folder, then put it in its place.

        Args:
            stop: ends it between two frames; nothing is left then.
            report: takes the number of frames done.

        Returns:
            A sentence about what was written.

        Raises:
            DeskError: when it was stopped, shows no object, or cannot be written.
            SourceError: when a frame cannot be decoded.
        """
        partial, former = _partial(self._folder), _former(self._folder)
        mend_export(self._folder)
        written, done = _Written(), 0
        try:
            for first, last in self._stretches:
                name = f'{self._recording.images.name}_{first:05d}_{last:05d}'
                for index in range(first, last + 1):
                    if stop.is_set():
                        raise DeskError(f'the export was stopped; {self._folder} is as it was')
                    self._write(partial, name, index, written)
                    done += 1
                    report(done)
                if name not in written.classes:
                    self._drop(partial, name, written)
            if not written.classes:
                raise DeskError('none of the frames shows an instrument; there is nothing to write')
            self._describe(partial, written)
            if self._folder.exists():
                self._folder.replace(former)
            partial.replace(self._folder)
        except OSError as error:
            raise DeskError(f'{self._folder} cannot be written: {error}; make room') from error
        finally:
            mend_export(self._folder)
        return self._sentence(written)

    def _write(self, root: Path, video: str, index: int, written: _Written) -> None:
        recording = self._recording
        rgb = recording.frame(index)
        digest = hashlib.blake2b(rgb.tobytes(), digest_size=16).digest()
        if digest in written.seen:
            written.repeated += 1
            return
        with self._labelling.lock:
            masks = self._labelling.masks.read(index)
        if masks is None:
            return
        written.seen.add(digest)
        labels = masks.label_image(self._names.keys())
        stem = recording.images.stem(index)
        suffix, content = _image_file(recording, index, rgb)
        image = root / 'JPEGImages' / video / f'{stem}{suffix}'
        write_atomically(image, lambda part: part.write_bytes(content))
        annotation = root / 'Annotations' / video / f'{stem}.png'
        write_atomically(annotation, lambda part: write_label_png(part, labels, label_palette()))
        written.frames += 1
        self._name(video, labels, written)

    def _name(self, video: str, labels: np.ndarray, written: _Written) -> None:
        for instance in np.flatnonzero(np.bincount(labels.ravel())).tolist():
            if instance:
                names = written.classes.setdefault(video, {})
                names[str(instance)] = self._names[instance]

    def _drop(self, root: Path, video: str, written: _Written) -> None:
        """Leave out a video in which no object appears: nothing can be tracked in it."""
        for part in ('JPEGImages', 'Annotations'):
            folder = root / part / video
            if folder.is_dir():
                written.empty += sum(1 for _ in folder.iterdir()) if part == 'Annotations' else 0
                shutil.rmtree(folder)

    def _describe(self, root: Path, written: _Written) -> None:
        recording = self._recording
        card: dict[str, Any] = {
            'recording': str(recording.path),
            'digest': recording.images.digest,
            'frames': written.frames - written.empty,
            'videos': sorted(written.classes),
            'left_out': {'repeated': written.repeated, 'without_objects': written.empty},
        }
        for name, content in (('classes.json', written.classes), (CARD, card)):
            text = json.dumps(content, indent=2) + '\n'
            write_atomically(root / name, lambda part, text=text: part.write_text(text, 'utf-8'))

    def _sentence(self, written: _Written) -> str:
        frames, videos = written.frames - written.empty, len(written.classes)
        what = f'{frames} frame{"s" * (frames > 1)} in {videos} video{"s" * (videos > 1)}'
        text = f'Written to {self._folder}: {what}'
        if written.repeated:
            text += f'; {written.repeated} repeat the pixels of another one and were left out'
        if written.empty:
            text += f'; {written.empty} were left out with stretches that show no instrument'
        return f'{text}.'


def mend_export(folder: Path) -> None:
    """Put a data set in order that a process was killed over: the former one or the new one.

    Args:
        folder: of the data set, which no export writes to now.

    Raises:
        OSError: when the former one cannot be put back.
    """
    partial, former = _partial(folder), _former(folder)
    if former.exists() and not folder.exists():
        former.replace(folder)
    for remains in (partial, former):
        shutil.rmtree(remains, ignore_errors=True)


def _partial(folder: Path) -> Path:
    """Where a data set is written, until it is complete."""
    return folder.with_name(f'.{folder.name}.partial')


def _former(folder: Path) -> Path:
    """Where an earlier data set is while a new one takes its place."""
    return folder.with_name(f'.{folder.name}.former')


def _image_file(recording: Recording, index: int, rgb: np.ndarray) -> tuple[str, bytes]:
    """Return suffix and content of a file that decodes to exactly these pixels."""
    original = recording.images.original(index)
    if original is not None:
        pixels = np.frombuffer(original[1], np.uint8)
        flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
        decoded = cv2.imdecode(pixels, flags)
        if decoded is not None and np.array_equal(decoded, rgb):
            return original
    _, encoded = cv2.imencode('.png', cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return '.png', encoded.tobytes()
