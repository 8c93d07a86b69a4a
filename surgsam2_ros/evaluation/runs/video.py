# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What an evaluation needs of a video: images, truth and prompts by frame, opened when needed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np

from surgsam2_ros.sources import SourceError

MAX_OBJECT_ID = 254
"""Object ids are 1 to 254; 0 is background and 255 marks pixels that belong to no object."""


class EvaluationVideo(ABC):
    """A video with a truth. Making one costs nothing; it opens with its first use or `open`.

    It can be pickled, and is unopened then. Use it in a `with` statement to have it closed.

    Attributes:
        name: unique within a run; results are stored under it.
        images: bag, or folder of images.
        image_topic: of a bag, once it is open; None for a folder.
        names: names of the object ids, where there are any.
        warnings: what is odd about it, for people; grows while it is read.
    """

    def __init__(
        self,
        name: str,
        images: Path,
        *,
        image_topic: str | None = None,
        names: dict[int, str] | None = None,
    ) -> None:
        self.name = name
        self.images = images
        self.image_topic = image_topic
        self.names = dict(names or {})
        self.warnings: list[str] = []
        self._size: tuple[int, int] | None = None
        self._opened = False

    @abstractmethod
    def _open(self) -> None:
        """Open files, list frames and match the truth."""

    @abstractmethod
    def _close(self) -> None:
        """Release what `_open` acquired; safe to call twice."""

    @abstractmethod
    def _stems(self) -> tuple[str, ...]: ...

    @abstractmethod
    def _stamps(self) -> tuple[int, ...] | None: ...

    @abstractmethod
    def _image(self, index: int) -> np.ndarray: ...

    @abstractmethod
    def _has_truth(self, index: int) -> bool: ...

    @abstractmethod
    def _truth(self, index: int) -> tuple[str, np.ndarray] | None:
        """Return where the label image comes from, and the label image; None without one."""

    def _prompt_truth(self, index: int) -> tuple[str, np.ndarray] | None:
        return self._truth(index)

    def open(self) -> EvaluationVideo:
        """Open the video, if it is not open already.

        Raises:
            SourceError: when it cannot be read, has no frames, or no truth that belongs to them.
        """
        if not self._opened:
            self.warnings.clear()
            try:
                self._open()
            except BaseException:
                self._close()
                raise
            self._opened = True
        return self

    def close(self) -> None:
        """Close all files; the next use opens them again."""
        self._close()
        self._opened = False

    def __enter__(self) -> EvaluationVideo:
        return self.open()

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        self.close()
        return self.__dict__

    def __len__(self) -> int:
        return len(self.stems)

    @property
    def stems(self) -> tuple[str, ...]:
        """Names under which the results of the frames are stored, without suffix."""
        self.open()
        return self._stems()

    @property
    def stamps_ns(self) -> tuple[int, ...] | None:
        """Header stamps of the images of a bag [ns]; None for a folder, which has no times."""
        self.open()
        return self._stamps()

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the first image, and hence of all."""
        if self._size is None:
            self.open()
            self._size = self._image(0).shape[:2]
        return self._size

    def image(self, index: int) -> np.ndarray:
        """Return a frame as uint8 [H, W, 3], RGB. Reading forwards is fast.

        Raises:
            SourceError: when it cannot be decoded or has another size than the first.
        """
        self.open()
        rgb = self._image(index)
        if self._size is None and index == 0:
            self._size = rgb.shape[:2]
        if rgb.shape[:2] != self.size:
            raise SourceError(
                f'image {self.stems[index]} of {self.images} is {_describe(rgb.shape)}, the first '
                f'one is {_describe(self.size)}; all must have one size'
            )
        return rgb

    def truth(self, index: int) -> np.ndarray | None:
        """Return the label image of a frame, uint8 [H, W], pixel = object id; None without one.

        Raises:
            SourceError: when it cannot be read or is not of the size of the images.
        """
        self.open()
        return self._checked(self._truth(index))

    def has_truth(self, index: int) -> bool:
        """Tell whether a frame has a label image, without reading it."""
        self.open()
        return self._has_truth(index)

    def prompt_truth(self, index: int) -> np.ndarray | None:
        """Return the label image that prompts are taken from; it may differ from the truth."""
        self.open()
        return self._checked(self._prompt_truth(index))

    def _checked(self, found: tuple[str, np.ndarray] | None) -> np.ndarray | None:
        if found is None:
            return None
        origin, labels = found
        if labels.shape != self.size:
            raise SourceError(
                f'truth {origin} is {_describe(labels.shape)}, the images of {self.images} are '
                f'{_describe(self.size)}; give a truth at image size (enlarge label images with '
                'nearest-neighbour interpolation, so that ids stay ids)'
            )
        return labels


def object_ids(labels: np.ndarray) -> list[int]:
    """Return the object ids of a label image uint8 [H, W], ascending, without 0 and 255."""
    counts = np.bincount(labels.ravel(), minlength=256)
    return [int(value) for value in np.flatnonzero(counts[1 : MAX_OBJECT_ID + 1]) + 1]


def _describe(shape: tuple[int, ...]) -> str:
    return f'{shape[1]}x{shape[0]}'
