# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is labelled: the frames of a bag or of a folder of images, in any order, from any thread."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from surgsam2_ros.sources import ImageFolder, SourceError

_KEPT_BYTES = 64 * 2**20  # of decoded frames
_PLAIN_FILES = ('.jpg', '.jpeg', '.png')


class Images(Protocol):
    """Images by their index.

    Attributes:
        name: of the recording.
        stamps: int64 [N], of the images [ns].
        digest: tells the recording from others.
    """

    name: str
    stamps: np.ndarray
    digest: str

    def image(self, index: int) -> np.ndarray:
        """Decode an image, rgb uint8 [H, W, 3]; SourceError when it cannot be."""

    def original(self, index: int) -> tuple[str, bytes] | None:
        """Return suffix (.jpg, .jpeg, .png) and content of its file; None when it has none."""

    def stem(self, index: int) -> str:
        """Name of a frame in data sets."""

    def close(self) -> None:
        """Release open files."""


class FolderImages:
    """The images of a folder; see `Images`."""

    def __init__(self, path: str | Path) -> None:
        """List the folder.

        Raises:
            SourceError: when it holds no images.
        """
        self._folder = ImageFolder(path)
        self.name = self._folder.name
        self.stamps = np.array(self._folder.stamps, np.int64)
        digest = hashlib.blake2b(digest_size=16)
        for file in self._folder.files:
            digest.update(f'{file.name} {file.stat().st_size}\n'.encode())
        self.digest = digest.hexdigest()

    def image(self, index: int) -> np.ndarray:
        """Decode an image file as stored: labels know nothing of an orientation tag."""
        file = self._folder.files[index]
        flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
        rgb = cv2.imread(str(file), flags)
        if rgb is None:
            raise SourceError(f'{file} is no readable image; repair or remove it')
        return rgb

    def original(self, index: int) -> tuple[str, bytes] | None:
        """Return suffix and content of an image file that data sets may hold."""
        file = self._folder.files[index]
        suffix = file.suffix.lower()
        return (suffix, file.read_bytes()) if suffix in _PLAIN_FILES else None

    def stem(self, index: int) -> str:
        """Name of the image file without its suffix."""
        return self._folder.stem(index)

    def close(self) -> None:
        """Nothing is open."""


class Recording:
    """Frames by their index; the newest decoded ones are kept, up to 64 MiB and at least two.

    Attributes:
        images: where they come from.
        path: of the recording.
        size: (H, W) of all frames.
        kept: how many decoded frames are kept now.
    """

    def __init__(self, images: Images, path: str | Path) -> None:
        """Decode the first frame.

        Raises:
            SourceError: when it cannot be decoded.
        """
        self.images, self.path = images, Path(path)
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()
        first = images.image(0)
        self.size: tuple[int, int] = first.shape[:2]
        self._most_kept = max(2, _KEPT_BYTES // first.nbytes)

    def __len__(self) -> int:
        return len(self.images.stamps)

    @property
    def kept(self) -> int:
        """How many decoded frames are kept."""
        return len(self._kept)

    def stamp_ns(self, index: int) -> int:
        """Stamp of a frame [ns]."""
        return int(self.images.stamps[index])

    def frame(self, index: int) -> np.ndarray:
        """Return a frame, rgb uint8 [H, W, 3], which nobody may write to.

        Raises:
            SourceError: when it cannot be decoded, or is of another size than the first one.
        """
        with self._lock:
            if index in self._kept:
                self._kept.move_to_end(index)
                return self._kept[index]
        rgb = self.images.image(index)
        if rgb.shape[:2] != self.size:
            height, width = self.size
            raise SourceError(
                f'frame {index} of {self.path} is {rgb.shape[1]}x{rgb.shape[0]}, the first one '
                f'{width}x{height}; all frames of a data set have one size'
            )
        if not rgb.flags.writeable:  # it is a view into the message, and torch warns of such
            rgb = rgb.copy()
        with self._lock:
            self._kept[index] = rgb
            while len(self._kept) > self._most_kept:
                self._kept.popitem(last=False)
        return rgb

    def close(self) -> None:
        """Release open files."""
        self.images.close()
