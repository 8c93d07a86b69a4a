# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The one interface behind which bags, image folders and video files deliver their frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BAG_SUFFIXES = ('.mcap', '.db3')
DEFAULT_RATE_HZ = 15.0


class SourceError(ValueError):
    """An input that cannot be read; the message says what was found and what to do."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One image of a source.

    Attributes:
        rgb: uint8 [H, W, 3].
        stamp_ns: time of the image [ns]: its header's in a bag, since the first frame elsewhere.
        frame_id: coordinate frame of the camera, empty where the source knows none.
        index: position in the source, from 0.
    """

    rgb: np.ndarray
    stamp_ns: int
    frame_id: str
    index: int


class FrameSource(ABC):
    """A finite sequence of frames with known length; every iteration starts at the first frame.

    Attributes:
        path: where the frames come from.
        name: short name for titles and file names.
    """

    path: Path
    name: str

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of frames, without decoding them."""

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order; SourceError names the frame that cannot be decoded."""

    @property
    @abstractmethod
    def stamps(self) -> tuple[int, ...]:
        """Stamps of all frames in nanoseconds, in order."""

    @property
    def rate_hz(self) -> float:
        """Mean frame rate by the stamps [Hz]; 0 when they do not tell."""
        stamps = self.stamps
        span = (stamps[-1] - stamps[0]) if len(stamps) > 1 else 0
        return (len(stamps) - 1) * 1e9 / span if span > 0 else 0.0

    def stem(self, index: int) -> str:
        """File name without suffix under which results for frame `index` are stored."""
        return f'{index:05d}'

    def close(self) -> None:  # noqa: B027
        """Release open files; a source without any needs nothing."""

    def __enter__(self) -> FrameSource:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def open_source(
    path: str | Path, *, topic: str | None = None, rate_hz: float = DEFAULT_RATE_HZ
) -> FrameSource:
    """Open a bag, a folder of images or a video file, whichever `path` is.

    Args:
        path: rosbag2 directory or file (.mcap, .db3), folder of images, or video file.
        topic: image topic of a bag; needed when the bag has several.
        rate_hz: frame rate given to images in a folder, which carry no time.

    Returns:
        The opened source; close it or use it in a `with` statement.

    Raises:
        SourceError: when nothing readable is found there.

    Example:
        with open_source('recording.mcap', topic='/endoscope/left/image_raw') as source:
            for frame in source:
                print(f'{frame.index + 1}/{len(source)}', frame.rgb.shape)
    """
    from surgsam2_ros.sources.bag_frames import BagFrames
    from surgsam2_ros.sources.image_folder import IMAGE_SUFFIXES, ImageFolder
    from surgsam2_ros.sources.video_file import VideoFile

    path = Path(path)
    if not path.exists():
        raise SourceError(f'{path} does not exist; give a bag, a folder of images or a video file')
    if is_bag(path):
        return BagFrames(path, topic=topic)
    if topic is not None:
        raise SourceError(f'a topic ({topic}) was given, but {path} is not a bag')
    if path.is_dir():
        return ImageFolder(path, rate_hz=rate_hz)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise SourceError(f'{path} is a single image; give the folder that holds it')
    return VideoFile(path)


def is_bag(path: Path) -> bool:
    """Tell whether `path` looks like a recording: a storage file, or a directory with one."""
    if path.is_dir():
        return (path / 'metadata.yaml').exists() or any(
            _is_storage_file(entry) for entry in path.iterdir()
        )
    return _is_storage_file(path) or path.suffix == '.bag'


def _is_storage_file(path: Path) -> bool:
    return path.name.removesuffix('.zstd').endswith(BAG_SUFFIXES)
