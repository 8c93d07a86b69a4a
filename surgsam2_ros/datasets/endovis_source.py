# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the EndoVis archives have in common: sequences, frames, and where their labels come from."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from surgsam2_ros.datasets.archive_files import ArchiveFile
from surgsam2_ros.datasets.findings import Findings
from surgsam2_ros.datasets.instance_linking import RawLabels
from surgsam2_ros.sources import SourceError
from surgsam2_ros.sources.label_png import decode_label_png

FRAME_SIZE = (1024, 1280)  # height and width of what the camera saw
_RAW_SIZE = (1080, 1920)  # the video frame of 2017 around it
_CROP = (28, 320)  # its first row and column there, from the challenge's page on its data


class LabelSource(Protocol):
    """Where the labels of one frame come from.

    Attributes:
        numbered: every object has its id, the linker is not needed.
    """

    numbered: bool

    def read(self) -> RawLabels:
        """Read them, at the size of the source; SourceError names a file that cannot be used."""


@dataclass(frozen=True)
class IndexLabels:
    """A label image whose values are object ids already."""

    file: ArchiveFile
    numbered = True

    def read(self) -> RawLabels:
        """Read the label image."""
        return RawLabels(decode_label_png(self.file.read(), str(self.file)))


@dataclass(frozen=True)
class SourceFrame:
    """One frame: its number in the sequence, its image, its labels or why it has none."""

    number: int
    image: ArchiveFile
    labels: LabelSource | None
    problem: str = 'no label image'

    @property
    def stem(self) -> str:
        """Name in the prepared data set, as the authors number them."""
        return f'{self.number:05d}'


@dataclass(frozen=True)
class SourceSequence:
    """One sequence of the archives.

    Attributes:
        name: in the prepared data set, such as 'seq_2'.
        frames: in order.
        classes: names of the objects known beforehand, by id.
        complete: there are no more instruments of their types than these.
        split: 'train' or 'valid' in the authors' annotations, None where these do not label it.
    """

    name: str
    frames: tuple[SourceFrame, ...]
    classes: dict[int, str] = field(default_factory=dict)
    complete: bool = False
    split: str | None = None


@dataclass(frozen=True)
class EndoVis:
    """Facts about one of the challenges.

    Attributes:
        title: for people.
        lengths: number of frames by sequence number.
        valid: sequences that the paper's tables are of.
        expected: how the archives are structured, for messages.
        common_classes: names of ids that mean the same in every sequence.
        corrected_names: by sequence, names in the authors' annotations that they corrected later.
    """

    title: str
    lengths: dict[int, int]
    valid: tuple[int, ...]
    expected: str
    common_classes: dict[int, str]
    corrected_names: dict[str, dict[int, str]]


def decode(file: ArchiveFile, content: bytes | None = None) -> np.ndarray:
    """Decode an image as it is stored.

    Args:
        file: of the image.
        content: of the file, where it has been read already.

    Returns:
        uint8 [H, W] or [H, W, 3], the latter in the order RGB; transparency is dropped.

    Raises:
        SourceError: when it cannot be decoded or has more than 8 bits.
    """
    image = cv2.imdecode(np.frombuffer(content or file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise SourceError(f'{file} is no readable image; extract or download it again')
    if image.dtype != np.uint8:
        raise SourceError(f'{file} has {image.dtype.itemsize * 8} bits a channel, 8 are expected')
    if image.ndim == 2:
        return image
    return np.ascontiguousarray(image[..., 2::-1])


def crop(image: np.ndarray, file: object) -> np.ndarray:
    """Cut the camera's image out of a raw video frame; one that is cut already stays as it is.

    Args:
        image: [1080, 1920, ...] or [1024, 1280, ...].
        file: for the message.

    Returns:
        [1024, 1280, ...]

    Raises:
        SourceError: for another size.
    """
    if image.shape[:2] == FRAME_SIZE:
        return image
    if image.shape[:2] != _RAW_SIZE:
        raise SourceError(
            f'{file} is {image.shape[1]}x{image.shape[0]}; expected a video frame of 1920x1080 or '
            'the camera image of 1280x1024 within it'
        )
    (top, left), (height, width) = _CROP, FRAME_SIZE
    return image[top : top + height, left : left + width]


def by_frame(
    files: Iterable[tuple[int, ArchiveFile]], findings: Findings
) -> dict[int, ArchiveFile]:
    """Return files by frame number; a second one of a number is reported and passed over."""
    found: dict[int, ArchiveFile] = {}
    for number, file in files:
        first = found.setdefault(number, file)
        if first is not file:
            message = f'passed over; the same frames are in {first.folder}'
            findings.add('duplicate', file.folder, message, f'{number:05d}')
    return found


def grouped(
    files: Iterable[ArchiveFile], pattern: re.Pattern[str]
) -> dict[int, list[tuple[re.Match[str], ArchiveFile]]]:
    """Group the files whose path matches, by the number in its group 'sequence'."""
    groups = defaultdict(list)
    for file in files:
        match = pattern.search(file.path)
        if match:
            groups[int(match['sequence'])].append((match, file))
    return groups
