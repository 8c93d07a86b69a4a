# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One sequence of a prepared data set: each file is written when it is missing, and whole."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2

from surgsam2_ros.datasets.endovis_source import SourceFrame, SourceSequence, crop, decode
from surgsam2_ros.datasets.findings import Findings
from surgsam2_ros.datasets.instance_linking import InstanceLinker, RawLabels
from surgsam2_ros.drawing import label_palette
from surgsam2_ros.sources import SourceError, read_label_png, write_label_png


@dataclass
class PreparedSequence:
    """What became of one sequence.

    Attributes:
        split: 'train' or 'valid'.
        labels: where they come from, see `label_kind`.
        frames, labelled: number of frames, and of those with a label image.
        classes: names of the objects by id, as far as they are known.
    """

    name: str
    split: str
    labels: str
    frames: int = 0
    labelled: int = 0
    classes: dict[int, str] = field(default_factory=dict)


def label_kind(sequence: SourceSequence) -> str:
    """Tell where the labels of a sequence come from.

    Returns:
        'annotations' of the authors, 'challenge' for instances as the challenge labels them,
        'linked' where instances are told apart by `instance_linking`, or 'none'.
    """
    sources = [frame.labels for frame in sequence.frames if frame.labels is not None]
    if sequence.split is not None:
        return 'annotations'
    if not all(labels.numbered for labels in sources):
        return 'linked'
    return 'challenge' if sources else 'none'


class SequenceWriter:
    """Writes the frames of one sequence, in order."""

    def __init__(
        self,
        sequence: SourceSequence,
        folder: Path,
        common_classes: dict[int, str],
        findings: Findings,
    ) -> None:
        """Make the folders of the sequence.

        Args:
            sequence: to write.
            folder: of its split.
            common_classes: names of ids that mean the same in every sequence.
            findings: to which is added what is missing or odd.
        """
        self._sequence, self._folder, self._findings = sequence, folder, findings
        self._common = common_classes
        self._images = folder / 'JPEGImages' / sequence.name
        self._annotations = folder / 'Annotations' / sequence.name
        for path in (self._images, self._annotations):
            path.mkdir(parents=True, exist_ok=True)
        self._done = PreparedSequence(sequence.name, folder.name, label_kind(sequence))
        self._linked = self._done.labels == 'linked'
        earlier = _read_classes(folder / 'classes.json').get(sequence.name, {})
        known = sequence.classes | {int(label): name for label, name in earlier.items()}
        self._linker = InstanceLinker(known, complete=sequence.complete)
        self._palette = label_palette()
        self._named: dict[int, str] = {}
        self._save_classes()

    def write(self, frame: SourceFrame) -> bool:
        """Write one frame; returns False when it was finished already.

        Raises:
            OSError: when reading or writing fails.
        """
        image = self._images / f'{frame.stem}.png'
        annotation = self._annotations / f'{frame.stem}.png'
        finished = image.exists() and (frame.labels is None or annotation.exists())
        try:
            if not image.exists():
                self._write_image(frame, image)
        except SourceError as error:
            self._findings.add('unreadable', self._sequence.name, f'left out: {error}')
            return True
        self._done.frames += 1
        if frame.labels is None:
            where = self._sequence.name
            self._findings.add('missing_labels', where, frame.problem, frame.stem)
        else:
            self._write_labels(frame, annotation)
        return not finished

    def finish(self) -> PreparedSequence:
        """Return what became of the sequence."""
        name = self._sequence.name
        if self._linker.crowded:
            message = f'{self._linker.crowded} regions joined another object, ids 1-10 being taken'
            self._findings.add('crowded', name, message)
        self._done.classes = dict(self._linker.classes)
        return self._done

    def _write_image(self, frame: SourceFrame, path: Path) -> None:
        content = frame.image.read()
        image = decode(frame.image, content)
        cut = crop(image, frame.image)
        if cut.shape == image.shape:
            write_atomically(path, lambda part: part.write_bytes(content))
            return
        bgr = cut if cut.ndim == 2 else cv2.cvtColor(cut, cv2.COLOR_RGB2BGR)
        _, encoded = cv2.imencode('.png', bgr)
        write_atomically(path, lambda part: part.write_bytes(encoded.tobytes()))

    def _write_labels(self, frame: SourceFrame, path: Path) -> None:
        if path.exists():
            self._done.labelled += 1
            if self._linked:
                self._linker.observe(read_label_png(path))
            return
        try:
            raw = frame.labels.read()
            what = f'the label image of {frame.image}'
            raw = RawLabels(
                crop(raw.labels, what),
                {name: crop(mask, what) for name, mask in raw.unnumbered.items()},
            )
        except SourceError as error:
            message = f'left unlabelled: {error}'
            self._findings.add('unreadable', self._sequence.name, message)
            return
        labels = self._linker.link(raw) if self._linked else raw.labels
        self._save_classes()
        write_atomically(path, lambda part: write_label_png(part, labels, self._palette))
        self._done.labelled += 1

    def _save_classes(self) -> None:
        """Write the names, before a label image has an id that is not among them."""
        if self._named == self._linker.classes:
            return
        self._named = dict(self._linker.classes)
        path = self._folder / 'classes.json'
        names = {str(label): name for label, name in sorted(self._named.items())}
        common = {str(label): name for label, name in self._common.items()}
        text = json.dumps(common | _read_classes(path) | {self._sequence.name: names}, indent=2)
        write_atomically(path, lambda part: part.write_text(text + '\n', encoding='utf-8'))


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file that gets its name when it is complete, and make its folder.

    Args:
        path: of the file.
        write: called with the path to write to.

    Raises:
        OSError: when it cannot be written; nothing is left behind then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'.{path.name}.partial')
    try:
        write(partial)
        partial.replace(path)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise OSError(
            errno.ENOSPC,
            f'{os.strerror(errno.ENOSPC)}; make room and run it again, finished frames are kept',
            str(path),
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _read_classes(path: Path) -> dict[str, dict[str, str] | str]:
    return json.loads(path.read_text(encoding='utf-8')) if path.is_file() else {}
