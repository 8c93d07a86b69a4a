# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Image messages to RGB arrays and back, at the cost of one copy or none."""

from __future__ import annotations

import array

import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from surgsam2_ros.nodes.messages.cv_bridge_fallback import convert_with_cv_bridge
from surgsam2_ros.sources.image_encodings import (
    ENCODINGS,
    EncodingError,
    decode_compressed,
    decode_image,
    decode_mask,
)


def decode_image_message(message: Image) -> np.ndarray:
    """Return uint8 [H, W, 3] RGB; rgb8 shares the message's memory, so treat it as read-only.

    Encodings that decode_image does not know go to cv_bridge where that is installed and sound.

    Raises:
        EncodingError: the message cannot be converted; says why.
    """
    if message.encoding not in ENCODINGS:
        rgb = convert_with_cv_bridge(message)
        if rgb is not None:
            return rgb
    return decode_image(
        message.encoding,
        message.height,
        message.width,
        message.step,
        message.data,
        bool(message.is_bigendian),
    )


def decode_compressed_message(message: CompressedImage) -> np.ndarray:
    """Return uint8 [H, W, 3] RGB of a JPEG or PNG.

    Raises:
        EncodingError: the message cannot be converted; says why.
    """
    return decode_compressed(message.data, message.format)


def decode_mask_message(message: Image) -> np.ndarray:
    """Return bool [H, W], true where a mono8 or 8UC1 image is above 0.

    Raises:
        EncodingError: another encoding, or sizes that do not fit the data.
    """
    return decode_mask(message.encoding, message.height, message.width, message.step, message.data)


def make_label_image(header: Header, label_image: np.ndarray) -> Image:
    """Return a mono8 image of uint8 [H, W]; used for label images and masks."""
    return _make_image(header, 'mono8', label_image, channels=1)


def make_rgb_image(header: Header, rgb: np.ndarray) -> Image:
    """Return an rgb8 image of uint8 [H, W, 3]."""
    return _make_image(header, 'rgb8', rgb, channels=3)


def _make_image(header: Header, encoding: str, pixels: np.ndarray, channels: int) -> Image:
    shape = pixels.shape[:2] if channels == 1 else (*pixels.shape[:2], channels)
    if pixels.dtype != np.uint8 or pixels.shape != shape or pixels.ndim < 2:
        expected = '[H, W]' if channels == 1 else f'[H, W, {channels}]'
        raise EncodingError(
            f'cannot make a {encoding} image of {pixels.dtype} {list(pixels.shape)}; '
            f'pass uint8 {expected}'
        )
    height, width = pixels.shape[:2]
    message = Image()
    message.header = header
    message.encoding = encoding
    message.height = height
    message.width = width
    message.step = width * channels
    message.data = _byte_array(pixels)
    return message


def _byte_array(pixels: np.ndarray) -> array.array:
    """Copy to the type that the message stores; any other it would convert byte by byte."""
    data = array.array('B')
    if pixels.size:
        data.frombytes(memoryview(np.ascontiguousarray(pixels)).cast('B'))
    return data
