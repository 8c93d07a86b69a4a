# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A folder of image files as a frame source, in the order a person would count them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cv2

from surgsam2_ros.sources.frame_source import DEFAULT_RATE_HZ, Frame, FrameSource, SourceError

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp', '.ppm', '.pgm')


class ImageFolder(FrameSource):
    """All images of one folder, naturally sorted (frame2 before frame10), at a constant rate."""

    def __init__(self, path: str | Path, *, rate_hz: float = DEFAULT_RATE_HZ) -> None:
        """List the folder.

        Args:
            path: folder with image files; other files and hidden ones are passed over.
            rate_hz: frame rate, above 0.

        Raises:
            SourceError: when the folder holds no images or the rate is not positive.
        """
        self.path = Path(path)
        self.name = self.path.resolve().name
        if rate_hz <= 0:
            raise SourceError(f'a frame rate of {rate_hz} Hz is impossible; give one above 0')
        self._period_ns = 1e9 / rate_hz
        self.files = sorted(_images(self.path), key=lambda file: natural_key(file.name))
        if not self.files:
            raise SourceError(_nothing_found(self.path))
        by_stem: dict[str, Path] = {}
        for file in self.files:
            other = by_stem.setdefault(file.stem, file)
            if other is not file:
                raise SourceError(
                    f'{self.path} holds both {other.name} and {file.name}; results are named after '
                    'the part before the dot, so keep one of them'
                )

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[Frame]:
        shape = None
        for index, (file, stamp_ns) in enumerate(zip(self.files, self.stamps, strict=True)):
            # Pixels as stored: label images know nothing of an orientation tag.
            bgr = cv2.imread(str(file), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
            if bgr is None:
                raise SourceError(f'{file} is no readable image; repair or remove it')
            shape = shape or bgr.shape
            if bgr.shape != shape:
                raise SourceError(
                    f'{file} is {bgr.shape[1]}x{bgr.shape[0]}, the images before it are '
                    f'{shape[1]}x{shape[0]}; all must have one size'
                )
            rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
            yield Frame(rgb=rgb, stamp_ns=stamp_ns, frame_id='', index=index)

    @property
    def stamps(self) -> tuple[int, ...]:
        """Times since the first image in nanoseconds."""
        return tuple(round(index * self._period_ns) for index in range(len(self.files)))

    def stem(self, index: int) -> str:
        """Name of the image file without its suffix."""
        return self.files[index].stem


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sorting key under which numbers within names count as numbers: 'frame2' < 'frame10'."""
    parts = re.split(r'(\d+)', name.lower())
    return [(0, int(part), part) if part.isdigit() else (1, 0, part) for part in parts if part]


def _images(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.suffix.lower() in IMAGE_SUFFIXES and not entry.name.startswith('.'):
            yield entry


def _nothing_found(folder: Path) -> str:
    message = f'{folder} holds no images ({", ".join(IMAGE_SUFFIXES)})'
    folders = sorted(e.name for e in folder.iterdir() if e.is_dir() and any(_images(e)))
    if folders:
        message += f'; its folders do: {", ".join(folders[:8])}'
    return message
