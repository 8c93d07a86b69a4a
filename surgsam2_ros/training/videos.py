# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Videos whose frames are read one at a time, when they are wanted.

What it takes to read a bag, a rendered or a composed clip lives in a module of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection

import cv2
import numpy as np

from surgsam2_ros.datasets import VosVideo
from surgsam2_ros.sources import SourceError, read_label_png
from surgsam2_ros.training.clip_sources import LARGEST_ID


class Video(ABC):
    """A video whose frames can be read one at a time, in any order.

    Attributes:
        name: for messages and `TrainingClip.names`.
    """

    def __init__(self, name: str, object_ids: Collection[int] | None = None):
        self.name = name
        self._kept = np.zeros(256, np.uint8)  # new id of every id: the same, or background
        for value in range(1, LARGEST_ID + 1) if object_ids is None else object_ids:
            self._kept[value] = value

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of frames that have a truth."""

    def labels(self, index: int) -> np.ndarray:
        """Read the label image of a frame, uint8 [H, W], ids not trained on set to 0.

        Raises:
            SourceError: naming the file that cannot be read.
        """
        return self._kept[self._read_labels(index)]

    @abstractmethod
    def image(self, index: int) -> np.ndarray:
        """Read the picture of a frame, uint8 [H, W, 3] RGB.

        Raises:
            SourceError: naming the file that cannot be read.
        """

    def frame_name(self, index: int) -> str:
        """Name a frame in a word, 'video/frame'."""
        return f'{self.name}/{index:05d}'

    def where(self, index: int) -> str:
        """Name the file of a frame, for errors."""
        return self.frame_name(index)

    @abstractmethod
    def _read_labels(self, index: int) -> np.ndarray:
        """Read the label image as it is stored, uint8 [H, W]."""


class FileVideo(Video):
    """A video of a VOS folder: image files and label images; unlabelled frames are left out."""

    def __init__(self, video: VosVideo, object_ids: Collection[int] | None = None):
        super().__init__(video.name, object_ids)
        self._frames = tuple(frame for frame in video.frames if frame.annotation is not None)

    def __len__(self) -> int:
        return len(self._frames)

    def image(self, index: int) -> np.ndarray:
        """Decode an image file; an orientation tag is ignored, as label images have none."""
        path = self._frames[index].image
        flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
        rgb = cv2.imread(str(path), flags)
        if rgb is None:
            raise SourceError(f'{path} is no readable image; repair it or remove it and its mask')
        return rgb

    def frame_name(self, index: int) -> str:
        """Name a frame by its file, 'video/stem'."""
        return f'{self.name}/{self._frames[index].stem}'

    def where(self, index: int) -> str:
        """Name the image and the label image of a frame."""
        frame = self._frames[index]
        return f'{frame.image} (mask {frame.annotation})'

    def _read_labels(self, index: int) -> np.ndarray:
        return read_label_png(self._frames[index].annotation)
