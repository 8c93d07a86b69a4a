# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes a video from RGB frames."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

# MPEG-4 part 2: the one codec for .mp4 that every OpenCV build can write fast.
_CODEC = 'mp4v'


class VideoOutputError(RuntimeError):
    """A video cannot be written; the message says why."""


class VideoOutput:
    """A video file that takes the size of its first frame; use it in a `with` statement.

    Args:
        path: file to write, .mp4.
        rate_hz: frames per second, above 0.

    Raises:
        VideoOutputError: when the suffix or the rate cannot be written.
    """

    def __init__(self, path: str | Path, rate_hz: float) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() != '.mp4':
            raise VideoOutputError(f'the video {self.path} must be named .mp4')
        if rate_hz <= 0:
            raise VideoOutputError(f'a video of {rate_hz} frames per second is impossible')
        self._rate_hz = rate_hz
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def write(self, rgb: np.ndarray) -> None:
        """Append a frame.

        Args:
            rgb: uint8 [H, W, 3], all frames of one size. An odd size loses its last row or column,
                which the codec cannot hold.

        Raises:
            VideoOutputError: when the file cannot be written.
        """
        height, width = rgb.shape[0] // 2 * 2, rgb.shape[1] // 2 * 2
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            code = cv2.VideoWriter_fourcc(*_CODEC)
            self._writer = cv2.VideoWriter(str(self.path), code, self._rate_hz, (width, height))
            self._size = (width, height)
            if not self._writer.isOpened():
                raise VideoOutputError(
                    f'{self.path} cannot be written: no access, or an OpenCV without {_CODEC}'
                )
        if (width, height) != self._size:
            raise VideoOutputError(f'{self.path} is {self._size}, but a frame is {(width, height)}')
        self._writer.write(cv2.cvtColor(rgb[:height, :width], cv2.COLOR_RGB2BGR))

    def __enter__(self) -> VideoOutput:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._writer is not None:
            self._writer.release()
