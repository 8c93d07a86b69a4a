# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Chooses what reads a path: a bag, a folder of images or a video file."""

from __future__ import annotations

from pathlib import Path

from surgsam2_ros.sources.bag_files import is_bag
from surgsam2_ros.sources.bag_frames import BagFrames
from surgsam2_ros.sources.frame_source import DEFAULT_RATE_HZ, FrameSource, SourceError
from surgsam2_ros.sources.image_folder import IMAGE_SUFFIXES, ImageFolder
from surgsam2_ros.sources.video_file import VideoFile


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
