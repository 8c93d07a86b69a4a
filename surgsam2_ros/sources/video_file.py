# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A video file as a frame source."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import cv2

from surgsam2_ros.sources.frame_source import DEFAULT_RATE_HZ, Frame, FrameSource, SourceError


class VideoFile(FrameSource):
    """The frames of a video that OpenCV can decode, at the constant rate that the file states."""

    def __init__(self, path: str | Path) -> None:
        """Open the video and look at its first frame.

        Raises:
            SourceError: when the file is no video that can be decoded here.
        """
        self.path = Path(path)
        self.name = self.path.stem
        capture = self._capture()
        try:
            if not capture.grab():
                raise SourceError(
                    f'{self.path} is no bag, folder of images or video that can be decoded here; '
                    'videos: re-encode with `ffmpeg -i INPUT -c:v libx264 OUTPUT.mp4`'
                )
            rate = capture.get(cv2.CAP_PROP_FPS)
            self._rate_hz = rate if 0 < rate < 1e4 else DEFAULT_RATE_HZ
        finally:
            capture.release()

    def _capture(self) -> cv2.VideoCapture:
        return cv2.VideoCapture(str(self.path), cv2.CAP_ANY)

    @cached_property
    def _count(self) -> int:
        """Frames by counting: what containers state is often an estimate."""
        capture = self._capture()
        count = 0
        while capture.grab():
            count += 1
        capture.release()
        return count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Frame]:
        capture = self._capture()
        try:
            index = 0
            while True:
                read, bgr = capture.read()
                if not read:
                    break
                rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
                yield Frame(rgb=rgb, stamp_ns=self._stamp(index), frame_id='', index=index)
                index += 1
        finally:
            capture.release()

    def _stamp(self, index: int) -> int:
        return round(index * 1e9 / self._rate_hz)

    @property
    def stamps(self) -> tuple[int, ...]:
        """Times since the first frame in nanoseconds."""
        return tuple(self._stamp(index) for index in range(len(self)))

    @property
    def rate_hz(self) -> float:
        """Frame rate that the file states [Hz]."""
        return self._rate_hz
