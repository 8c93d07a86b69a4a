# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Images that are correct but unusual, and images that contradict themselves."""

from __future__ import annotations

import array

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from surgsam2_ros.nodes.faults.camera import Shot, make_header
from surgsam2_ros.nodes.messages.images import make_rgb_image

_CHANNELS = {
    'rgb8': 3,
    'bgr8': 3,
    'rgba8': 4,
    'bgra8': 4,
    'mono8': 1,
    'mono16': 2,
    'bayer_rggb8': 1,
    'yuv422': 2,
}


def resized(shot: Shot, size: tuple[int, int]) -> Image:
    """Return the picture at another (width, height)."""
    return make_rgb_image(make_header(shot.stamp_ns), cv2.resize(shot.rgb, size))


def encoded(shot: Shot, choice: int) -> Image:
    """Return an image of one of several encodings; its bytes are whatever they are."""
    encoding = list(_CHANNELS)[choice % len(_CHANNELS)]
    message = make_rgb_image(make_header(shot.stamp_ns), shot.rgb)
    message.encoding = encoding
    message.step = message.width * _CHANNELS[encoding]
    length = message.step * message.height
    pixels = np.resize(np.frombuffer(message.data, np.uint8), length)
    message.data = array.array('B', pixels.tobytes())
    return message


def with_step(shot: Shot, step: int) -> Image:
    """Return an image whose step is too small for its width."""
    message = make_rgb_image(make_header(shot.stamp_ns), shot.rgb)
    message.step = step
    return message


def cut(shot: Shot, share: float) -> Image:
    """Return an image of which only a share of the data is there, 0 to 1."""
    message = make_rgb_image(make_header(shot.stamp_ns), shot.rgb)
    message.data = message.data[: int(share * (len(message.data) - 1))]
    return message


def jpeg(shot: Shot, share: float = 1.0) -> CompressedImage:
    """Return the picture as JPEG, or the first part of one."""
    data = encode(shot.rgb, '.jpg')
    data = data[: int(share * len(data))]
    return CompressedImage(
        header=make_header(shot.stamp_ns), format='jpeg', data=array.array('B', data)
    )


def encode(rgb: np.ndarray, kind: str) -> bytes:
    """Return a picture as a file of '.jpg' or '.png'."""
    return cv2.imencode(kind, rgb[..., ::-1])[1].tobytes()
