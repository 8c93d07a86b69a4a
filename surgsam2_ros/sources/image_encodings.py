# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Conversion of ROS image data, raw and compressed, to RGB arrays, without ROS.

Bags and nodes share it: what a message holds is passed as plain values.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

# Largest image that is decoded, in pixels (8192 x 8192): a header that promises more is damaged.
MAX_PIXELS = 1 << 26


class EncodingError(ValueError):
    """An image could not be converted; the message says why and what to do."""


class _Layout(NamedTuple):
    """How an encoding stores a pixel: its bytes, and the OpenCV code that makes RGB of it."""

    bytes_per_pixel: int
    conversion: int | None  # None: it is RGB already


# 8UC1, 8UC3 and 8UC4 do not name their colours: OpenCV's order (grey, BGR, BGRA) is assumed, as
# RViz and Foxglove do. OpenCV names a Bayer pattern by its second row and column, ROS by its first,
# hence the exchange. yuv422 and yuv422_yuy2 are the older names of uyvy and yuyv (BT.601, studio
# range).
_LAYOUTS = {
    'rgb8': _Layout(3, None),
    'bgr8': _Layout(3, cv2.COLOR_BGR2RGB),
    'rgba8': _Layout(4, cv2.COLOR_RGBA2RGB),
    'bgra8': _Layout(4, cv2.COLOR_BGRA2RGB),
    'mono8': _Layout(1, cv2.COLOR_GRAY2RGB),
    '8UC1': _Layout(1, cv2.COLOR_GRAY2RGB),
    '8UC3': _Layout(3, cv2.COLOR_BGR2RGB),
    '8UC4': _Layout(4, cv2.COLOR_BGRA2RGB),
    'mono16': _Layout(2, cv2.COLOR_GRAY2RGB),
    '16UC1': _Layout(2, cv2.COLOR_GRAY2RGB),
    'bayer_rggb8': _Layout(1, cv2.COLOR_BayerBG2RGB),
    'bayer_bggr8': _Layout(1, cv2.COLOR_BayerRG2RGB),
    'bayer_gbrg8': _Layout(1, cv2.COLOR_BayerGR2RGB),
    'bayer_grbg8': _Layout(1, cv2.COLOR_BayerGB2RGB),
    'yuv422': _Layout(2, cv2.COLOR_YUV2RGB_UYVY),
    'uyvy': _Layout(2, cv2.COLOR_YUV2RGB_UYVY),
    'yuv422_yuy2': _Layout(2, cv2.COLOR_YUV2RGB_YUY2),
    'yuyv': _Layout(2, cv2.COLOR_YUV2RGB_YUY2),
}

#: Names of all raw encodings that decode_image reads.
ENCODINGS = tuple(_LAYOUTS)
#: Names of the raw encodings that decode_mask reads.
MASK_ENCODINGS = ('mono8', '8UC1')

_SIXTEEN_BIT = ('mono16', '16UC1')
_YUV_422 = ('yuv422', 'uyvy', 'yuv422_yuy2', 'yuyv')
# OpenCV fills the border from the interior, and leaves an image that has no interior black.
_BAYER_MIN_SIDE = 3

_JPEG_MAGIC = b'\xff\xd8\xff'
_PNG_MAGIC = b'\x89PNG\r\n\x1a\n'
_PNG_HEADER_BYTES = 33


def decode_image(
    encoding: str, height: int, width: int, step: int, data, is_bigendian: bool = False
) -> np.ndarray:
    """Convert the data of a raw image to RGB.

    16-bit images are scaled from their full range, round(value / 257), whatever they hold: a 12-bit
    camera that does not shift its values into the high bits comes out dark.

    Args:
        encoding: one of ENCODINGS.
        height, width: pixels.
        step: bytes from one row to the next; may be more than the pixels of a row need.
        data: buffer of bytes, height * step of them; the padding of the last row may be missing.
        is_bigendian: byte order of 16-bit encodings.

    Returns:
        uint8 [height, width, 3], contiguous. It shares the memory of `data` where that is rgb8
        without padding, so treat it as read-only.

    Raises:
        EncodingError: the encoding is unknown, or the sizes contradict each other or the data.
    """
    layout = _LAYOUTS.get(encoding)
    if layout is None:
        raise EncodingError(
            f'image encoding {encoding!r} is not supported; publish one of {", ".join(ENCODINGS)}'
        )
    rows = _rows(encoding, height, width, step, data)
    if encoding in _SIXTEEN_BIT:
        wide = np.ascontiguousarray(rows).view('>u2' if is_bigendian else '<u2')
        return cv2.cvtColor(_narrow(wide), layout.conversion)
    pixels = rows if layout.bytes_per_pixel == 1 else _pixels(rows, layout.bytes_per_pixel)
    if layout.conversion is None:
        return np.ascontiguousarray(pixels)
    return cv2.cvtColor(pixels, layout.conversion)


def decode_mask(encoding: str, height: int, width: int, step: int, data) -> np.ndarray:
    """Read a mask: bool [height, width], true where the pixel's value is above 0.

    Args and errors as for decode_image; the encoding is one of MASK_ENCODINGS.
    """
    if encoding not in MASK_ENCODINGS:
        raise EncodingError(
            f'mask encoding {encoding!r} is not supported; send one of {", ".join(MASK_ENCODINGS)}'
        )
    return _rows(encoding, height, width, step, data) > 0


def decode_compressed(data, format: str = '') -> np.ndarray:
    """Convert a JPEG or PNG file in memory to RGB.

    The first bytes of the file say what it is, so that an empty or wrong `format` does no harm. An
    orientation tag is ignored, alpha is dropped; 16-bit PNGs are scaled as in decode_image.

    Args:
        data: buffer of bytes, the file.
        format: that of a CompressedImage: 'jpeg', 'png', 'rgb8; jpeg compressed bgr8', …

    Returns:
        uint8 [height, width, 3], contiguous.

    Raises:
        EncodingError: the data are neither JPEG nor PNG, or truncated, damaged or too large.
    """
    flat = np.frombuffer(data, np.uint8)
    content = flat.tobytes()
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    if content.startswith(_JPEG_MAGIC):
        _check_jpeg(content)
    elif content.startswith(_PNG_MAGIC):
        if _check_png(content) == 16:
            flags |= cv2.IMREAD_ANYDEPTH
    else:
        raise EncodingError(_not_an_image(content, format))
    try:
        bgr = cv2.imdecode(flat, flags)
    except cv2.error as error:
        raise _damaged(content, str(error)) from error
    if bgr is None:
        raise _damaged(content, 'it does not decode')
    if bgr.dtype == np.uint16:
        bgr = _narrow(bgr)
    # 'rgb8; jpeg compressed rgb8' says that the publisher gave red first to an encoder that takes
    # blue first, so the decoder's first channel is red; compressed_image_transport reads it so.
    if 'compressed rgb' in format:
        return bgr
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=bgr)


def encode_jpeg(rgb: np.ndarray, quality: int = 90) -> bytes:
    """Return a JPEG file of uint8 [H, W, 3] RGB or uint8 [H, W] grey; quality is 1 to 100."""
    return _encode('.jpg', rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])


def encode_png(image: np.ndarray, compression: int = 3) -> bytes:
    """Return a PNG file of uint8 [H, W, 3] RGB or [H, W] grey; compression is 0 to 9 (smallest)."""
    return _encode('.png', image, [cv2.IMWRITE_PNG_COMPRESSION, compression])


def _encode(extension: str, image: np.ndarray, options: list[int]) -> bytes:
    is_rgb = image.ndim == 3 and image.shape[2] == 3
    if image.dtype != np.uint8 or image.size == 0 or not (is_rgb or image.ndim == 2):
        raise EncodingError(
            f'cannot encode an array of {image.dtype} {list(image.shape)}; '
            'pass uint8 [H, W, 3] RGB or uint8 [H, W] of at least one pixel'
        )
    if is_rgb:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(extension, image, options)[1].tobytes()


def _rows(encoding: str, height: int, width: int, step: int, data) -> np.ndarray:
    """Check the sizes and return the bytes of the pixels, [height, width * bytes per pixel]."""
    flat = np.frombuffer(data, np.uint8)
    row_bytes = width * _LAYOUTS[encoding].bytes_per_pixel
    _check_size(encoding, height, width, step, row_bytes, flat.size)
    return np.lib.stride_tricks.as_strided(
        flat, (height, row_bytes), (step, 1), writeable=flat.flags.writeable
    )


def _pixels(rows: np.ndarray, channels: int) -> np.ndarray:
    """View rows of bytes as [height, width, channels], keeping the padding between them."""
    height, row_bytes = rows.shape
    return np.lib.stride_tricks.as_strided(
        rows,
        (height, row_bytes // channels, channels),
        (rows.strides[0], channels, 1),
        writeable=rows.flags.writeable,
    )


def _narrow(wide: np.ndarray) -> np.ndarray:
    """Scale uint16 of any byte order to uint8: round(value / 257), so that 65535 becomes 255."""
    return cv2.convertScaleAbs(wide.astype(np.uint16, copy=False), alpha=1.0 / 257.0)


def _check_size(
    encoding: str, height: int, width: int, step: int, row_bytes: int, size: int
) -> None:
    if height <= 0 or width <= 0:
        raise EncodingError(
            f'image of {width}x{height} pixels is empty; width and height must be at least 1: '
            'check the camera driver'
        )
    if height * width > MAX_PIXELS:
        raise _too_large(width, height)
    if step < row_bytes:
        raise EncodingError(
            f'image step {step} is too small: {width} pixels of {encoding} need {row_bytes} bytes '
            'a row; check the camera driver'
        )
    least = step * (height - 1) + row_bytes
    if not least <= size <= step * height:
        raise EncodingError(
            f'image data has {size} bytes, but {height} rows with step {step} need '
            f'{step * height}; the message is truncated or its height or step is wrong: '
            'check the camera driver'
        )
    if encoding in _YUV_422 and width % 2:
        raise EncodingError(
            f'image width {width} is odd, but {encoding} stores pixels in pairs; '
            'publish an even width'
        )
    if encoding.startswith('bayer_') and min(height, width) < _BAYER_MIN_SIDE:
        raise EncodingError(
            f'image of {width}x{height} pixels is too small for {encoding}; '
            f'its colours need at least {_BAYER_MIN_SIDE}x{_BAYER_MIN_SIDE}'
        )


def _check_jpeg(content: bytes) -> None:
    """Walk the segments up to the scan, for the size, and look for the end marker after it.

    Some decoders fill the missing part of a truncated file with grey and say nothing.
    """
    position = 2
    while position + 4 <= len(content):
        marker = content[position + 1]
        if content[position] != 0xFF:
            raise _damaged(content, f'no marker at byte {position}')
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        # start of frame, of all kinds: C0 to CF without C4, C8, CC
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height = int.from_bytes(content[position + 5 : position + 7], 'big')
            width = int.from_bytes(content[position + 7 : position + 9], 'big')
            if height * width > MAX_PIXELS:
                raise _too_large(width, height)
        if marker == 0xDA:  # start of scan: a bare FF D9 after it is the end of the image
            if content.rfind(b'\xff\xd9', position) < 0:
                break
            return
        position += 2 + int.from_bytes(content[position + 2 : position + 4], 'big')
    raise _truncated('JPEG', content)


def _check_png(content: bytes) -> int:
    """Check size and end of a PNG file; return the bits per sample."""
    if content.rfind(b'IEND') < _PNG_HEADER_BYTES:
        raise _truncated('PNG', content)
    if content[12:16] != b'IHDR':
        raise _damaged(content, 'its first chunk is not IHDR')
    width = int.from_bytes(content[16:20], 'big')
    height = int.from_bytes(content[20:24], 'big')
    if height * width > MAX_PIXELS:
        raise _too_large(width, height)
    return content[24]


def _too_large(width: int, height: int) -> EncodingError:
    return EncodingError(
        f'image of {width}x{height} pixels is too large; at most {MAX_PIXELS} pixels are decoded: '
        'check the camera driver, or scale the image down'
    )


def _truncated(kind: str, content: bytes) -> EncodingError:
    return EncodingError(
        f'{kind} image of {len(content)} bytes is truncated: its end marker is missing; '
        'check the publisher and the network'
    )


def _damaged(content: bytes, reason: str) -> EncodingError:
    return EncodingError(
        f'compressed image of {len(content)} bytes is damaged: {reason}; '
        'check the publisher and the network'
    )


def _not_an_image(content: bytes, format: str) -> str:
    if not content:
        return f'compressed image (format {format!r}) is empty; check the publisher'
    if 'compressedDepth' in format:
        return f'compressed format {format!r} is a depth image; subscribe to the colour camera'
    return (
        f'compressed format {format!r} is not supported: its data begin with '
        f'{content[:4].hex(" ")}, which is neither JPEG nor PNG; publish one of these'
    )
