# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Folders of label images as they are found in the field: truths, and results of any tracker.

    ROOT/<video>/<frame>.png             label images, pixel = object id or class
    ROOT/<video>/<object>/<frame>.png    one object per image, pixel = object id, or 255 or 1
    ROOT/<frame>.png, ROOT/<object>/…    the same of a single video

Instead of label images there may be binary ones, 0 and 255, of one object. Other folders of a root
and of a video are passed over, so that what `surgsam2 evaluate` writes can be read as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import numpy as np

from surgsam2_ros.sources import SourceError, read_label_png

BINARY = 255
_ALL = 'all'  # folder of a video with all objects in one image, beside those of each


class LabelVideo:
    """The label images of one video, by frame, or by object and frame.

    Attributes:
        name: of the video.
        folder: where its images are.
        files: stem -> label image with all objects; empty when only those of each are there.
        objects: object id -> stem -> image of the object; empty when there are none of each.
    """

    def __init__(self, name: str, folder: Path) -> None:
        """List the folder; it is not read yet."""
        self.name, self.folder = name, folder
        self.files = _images(folder)
        self.objects: dict[int, dict[str, Path]] = {}
        if not self.files:
            self.files = _images(folder / _ALL)
            for entry in _folders(folder):
                if entry.name.isdecimal() and 0 < int(entry.name) <= 255 and _images(entry):
                    self.objects[int(entry.name)] = _images(entry)
        self._single = 1

    def __bool__(self) -> bool:
        """Whether there are any images."""
        return bool(self.files or self.objects)

    @cached_property
    def stems(self) -> list[str]:
        """Names of all frames, sorted as strings."""
        return sorted(set(self.files).union(*self.objects.values()))

    @cached_property
    def binary(self) -> bool:
        """Whether the label images are binary: 0 and 255 alone, and some 255."""
        found = False
        for path in self.files.values():
            values = set(np.unique(read_label_png(path)).tolist())
            if values - {0, BINARY}:
                return False
            found = found or BINARY in values
        return found

    def first_shown(self, stems: Iterable[str]) -> dict[int, str]:
        """Find the objects that the label images of some frames show.

        Args:
            stems: frames that have an image, in order.

        Returns:
            id -> the first of the frames that shows it, sorted by id; 255, where it does not stand
            for the object of binary images, is none.

        Raises:
            SourceError: when an image cannot be read.
        """
        first: dict[int, str] = {}
        for stem in stems:
            for value in np.unique(self.labels(stem)).tolist():
                first.setdefault(value, stem)
        return {value: first[value] for value in sorted(first) if 0 < value < 255}

    def name_single_object(self, object_id: int) -> None:
        """Let the object of binary images have this id; it is 1 before."""
        self._single = object_id

    def labels(self, stem: str) -> np.ndarray | None:
        """Label image of a frame; where objects have images of their own, lower ids lie on top.

        Returns:
            uint8 [H, W], 0 = background; None when the frame has no image.

        Raises:
            SourceError: when an image cannot be read or shows several objects.
        """
        if stem in self.files:
            labels = read_label_png(self.files[stem])
            return (labels == BINARY) * np.uint8(self._single) if self.binary else labels
        labels = None
        for object_id in sorted(self.objects, reverse=True):
            mask = self.mask(object_id, stem)
            if mask is not None:
                labels = np.zeros(mask.shape, np.uint8) if labels is None else labels
                labels[mask] = object_id
        return labels

    def mask(self, object_id: int, stem: str) -> np.ndarray | None:
        """Mask of an object in a frame.

        Returns:
            bool [H, W]; None when there is no image of it.

        Raises:
            SourceError: when the image cannot be read or shows another object.
        """
        if not self.objects:
            labels = self.labels(stem)
            return None if labels is None else labels == object_id
        path = self.objects.get(object_id, {}).get(stem)
        if path is None:
            return None
        labels = read_label_png(path)
        values = set(np.unique(labels).tolist()) - {0}
        if len(values) > 1 or values - {object_id, BINARY, 1}:
            raise SourceError(
                f'{path} has the values {sorted(values)}; expected {object_id} (or {BINARY} or 1) '
                'alone, since the folder is named after its object'
            )
        return labels > 0

    def where(self, stem: str, object_id: int | None = None) -> Path:
        """Name the image of a frame, for messages."""
        files = self.objects.get(object_id, self.files)
        return files.get(stem, self.folder / f'{stem}.png')


def is_single_video(root: Path) -> bool:
    """Whether a folder holds label images itself, rather than folders of videos."""
    return bool(_images(root))


def list_videos(root: Path, *, single: bool = False) -> dict[str, LabelVideo]:
    """Find the videos of a folder.

    Args:
        root: in one of the layouts above; a data set whose labels are in Annotations/ may be
            named itself.
        single: read the folder as one video even if it holds no images but folders of objects.

    Returns:
        name -> video, sorted; a single one has the folder's name.

    Raises:
        SourceError: when the folder is missing or there are no label images in it.
    """
    if not root.is_dir():
        raise SourceError(f'{root} is no folder; name one of label images (PNG)')
    if not single and not is_single_video(root) and (root / 'Annotations').is_dir():
        root = root / 'Annotations'
    if single or is_single_video(root):
        videos = [LabelVideo(root.resolve().name, root)]
    else:
        videos = [LabelVideo(folder.name, folder) for folder in _folders(root)]
    found = {video.name: video for video in videos if video}
    if not found:
        raise SourceError(
            f'{root} has no label images; expected <video>/<frame>.png, '
            '<video>/<object>/<frame>.png or <frame>.png'
        )
    return found


def _folders(folder: Path) -> list[Path]:
    entries = folder.iterdir() if folder.is_dir() else ()
    return sorted(e for e in entries if e.is_dir() and not e.name.startswith('.'))


def _images(folder: Path) -> dict[str, Path]:
    """PNG files of a folder by stem; none when there is no such folder."""
    entries = folder.iterdir() if folder.is_dir() else ()
    return {
        path.stem: path
        for path in sorted(entries)
        if path.suffix.lower() == '.png' and not path.name.startswith('.')
    }
