# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Checks of a data set of the VOS layout before it is trained or evaluated on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from surgsam2_ros.datasets.findings import Findings
from surgsam2_ros.datasets.vos_folder import VosFolder, VosFrame, VosVideo
from surgsam2_ros.sources import SourceError, read_label_png

ANY_ID = range(1, 255)  # 255 commonly means 'to be ignored'


@dataclass
class CheckReport:
    """What a data set holds and what is wrong with it.

    Attributes:
        splits: the folders checked.
        videos, frames, labelled: their numbers; `labelled` counts frames with a label image.
        objects: number of objects that appear, over all videos.
        findings: what is wrong; empty for a sound data set.
    """

    splits: list[Path] = field(default_factory=list)
    videos: int = 0
    frames: int = 0
    labelled: int = 0
    objects: int = 0
    findings: Findings = field(default_factory=Findings)

    def as_json(self) -> dict[str, object]:
        """Return the report as plain dictionaries and lists."""
        return vars(self) | {
            'splits': [str(split) for split in self.splits],
            'findings': self.findings.as_json(),
        }


def open_splits(root: str | Path, annotations: str = 'Annotations') -> list[VosFolder]:
    """Open a data set folder, or all splits below it.

    Args:
        root: folder with `JPEGImages`, or with folders that have it.
        annotations: folder of the label images.

    Raises:
        FileNotFoundError: when there is none, or a part of it is missing.
        SourceError: see VosFolder.
    """
    root = Path(root)
    if not (root / 'JPEGImages').is_dir() and root.is_dir():
        splits = sorted(entry for entry in root.iterdir() if (entry / 'JPEGImages').is_dir())
        if splits:
            return [VosFolder(split, annotations=annotations) for split in splits]
    return [VosFolder(root, annotations=annotations)]


def check(
    splits: list[VosFolder],
    *,
    ids: Iterable[int] | None = None,
    on_frame: Callable[[int], None] | None = None,
) -> CheckReport:
    """Check all images and label images.

    Found are: images and label images that cannot be read, sizes that change within a video or
    differ between an image and its labels, ids that are not expected, images without labels and
    the reverse, named objects that never appear, and frames with the same pixels as another one,
    in the same or another video or split.

    Args:
        splits: as `open_splits` gives them.
        ids: object ids expected; by default those `classes.json` names for a video, or 1 to 254
            where it names none for it.
        on_frame: called with the number of frames done.

    Returns:
        The report.
    """
    report = CheckReport(splits=[split.root for split in splits])
    seen: dict[bytes, Path] = {}
    for split in splits:
        _check_orphans(split, report.findings)
        for video in split.videos:
            _VideoCheck(split, video, ids, seen, report).run(on_frame)
            report.videos += 1
    return report


class _VideoCheck:
    """Checks one video, adding to a report."""

    def __init__(
        self,
        split: VosFolder,
        video: VosVideo,
        ids: Iterable[int] | None,
        seen: dict[bytes, Path],
        report: CheckReport,
    ) -> None:
        self._video, self._seen, self._report = video, seen, report
        self._folder = split.images / video.name
        self._labels_folder = split.annotations / video.name
        own = split.own_classes_of(video.name)
        self._named = own
        self._expected = set(ids or (split.classes_of(video.name) if own else ANY_ID))
        self._present: set[int] = set()
        self._size: tuple[int, int] | None = None

    def run(self, on_frame: Callable[[int], None] | None) -> None:
        for frame in self._video.frames:
            self._check(frame)
            self._report.frames += 1
            if on_frame is not None:
                on_frame(self._report.frames)
        self._report.objects += len(self._present)
        for label in sorted(set(self._named) - self._present):
            message = f'object {label} ({self._named[label]}) never appears'
            self._find('never_appears', self._labels_folder, message)

    def _find(self, kind: str, where: Path, message: str, frame: str | None = None) -> None:
        self._report.findings.add(kind, where, message, frame)

    def _check(self, frame: VosFrame) -> None:
        image = cv2.imread(str(frame.image), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if image is None:
            self._find('unreadable', frame.image, 'no readable image; repair or remove it')
            return
        size = image.shape[:2]
        self._size = self._size or size
        if size != self._size:
            message = f'{_text(size)}, the images before it are {_text(self._size)}'
            self._find('size', self._folder, message, frame.stem)
        digest = hashlib.blake2b(image.tobytes(), person=_text(size).encode()).digest()
        first = self._seen.setdefault(digest, frame.image)
        if first is not frame.image:
            self._find('duplicate', self._folder, f'the same pixels as {first}', frame.stem)
        if frame.annotation is None:
            message = 'no label image; label the frame or remove it'
            self._find('missing_labels', self._folder, message, frame.stem)
            return
        try:
            labels = read_label_png(frame.annotation)
        except SourceError as error:
            self._find('unreadable', frame.annotation, str(error))
            return
        self._report.labelled += 1
        if labels.shape != size:
            message = f'labels of {_text(labels.shape)} for an image of {_text(size)}'
            self._find('size', self._labels_folder, message, frame.stem)
        here = {int(label) for label in np.flatnonzero(np.bincount(labels.ravel()))} - {0}
        self._present |= here
        for label in sorted(here - self._expected):
            self._find('id', self._labels_folder, f'object id {label} is not expected', frame.stem)


def _check_orphans(split: VosFolder, findings: Findings) -> None:
    """Report videos without images, and label images without one."""
    stems = {video.name: {frame.stem for frame in video.frames} for video in split.videos}
    for folder in sorted(split.images.iterdir()):
        if folder.is_dir() and not folder.name.startswith('.') and folder.name not in stems:
            findings.add('empty_video', folder, 'holds no images; remove it')
    for folder in sorted(split.annotations.iterdir()):
        if not folder.is_dir() or folder.name.startswith('.'):
            continue
        if folder.name not in stems:
            findings.add('orphan_labels', folder, f'{split.images / folder.name} has no images')
            continue
        for file in sorted(folder.glob('*.png')):
            if not file.name.startswith('.') and file.stem not in stems[folder.name]:
                findings.add('orphan_labels', folder, 'no image of that name', file.stem)


def _text(size: tuple[int, int]) -> str:
    return f'{size[1]}x{size[0]}'
