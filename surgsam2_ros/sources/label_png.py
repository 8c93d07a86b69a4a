# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Label images as PNG files with a palette, as video object segmentation data sets hold them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np

from surgsam2_ros.sources.frame_source import SourceError

_SIGNATURE = b'\x89PNG\r\n\x1a\n'
_GREY, _PALETTE = 0, 3


def read_label_png(path: str | Path) -> np.ndarray:
    """Read a label image: the index of each pixel in a palette PNG, or its value in a grey one.

    Args:
        path: PNG file of 1 to 8 bits per pixel.

    Returns:
        uint8 [H, W], 0 = background, other values = object ids.

    Raises:
        SourceError: when the file is missing, damaged, or a colour image without a palette.
    """
    path = Path(path)
    if not path.is_file():
        raise SourceError(f'label image {path} does not exist')
    return decode_label_png(path.read_bytes(), path)


def decode_label_png(content: bytes, name: str | Path) -> np.ndarray:
    """Decode the content of a label image; see `read_label_png`.

    Args:
        content: of the PNG file.
        name: of the file, for messages.

    Returns:
        uint8 [H, W], 0 = background, other values = object ids.

    Raises:
        SourceError: when it is damaged, or a colour image without a palette.
    """
    if not content.startswith(_SIGNATURE) or len(content) < 33:
        raise SourceError(f'{name} is no PNG file; label images must not be lossy')
    depth, colour_type = content[24], content[25]
    if colour_type not in (_GREY, _PALETTE) or depth > 8:
        raise SourceError(
            f'{name} is a PNG of {depth} bits with colour type {colour_type}; a label image has a '
            'palette or one channel of at most 8 bits, its values being object ids'
        )
    # Indices and grey values are stored alike: declared grey, OpenCV decodes the indices.
    labels = cv2.imdecode(np.frombuffer(_as_grey(content), np.uint8), cv2.IMREAD_UNCHANGED)
    if labels is None:
        raise SourceError(f'{name} is damaged or truncated')
    return labels // (255 // ((1 << depth) - 1))


def write_label_png(path: str | Path, labels: np.ndarray, palette: np.ndarray) -> None:
    """Write a label image as a PNG with a palette.

    Args:
        path: file to write.
        labels: uint8 [H, W], indices into the palette.
        palette: uint8 [256, 3], RGB.

    Raises:
        ValueError: when shapes or types differ from these.
    """
    if labels.dtype != np.uint8 or labels.ndim != 2:
        raise ValueError(f'labels must be uint8 [H, W], not {labels.dtype} {list(labels.shape)}')
    if palette.dtype != np.uint8 or palette.shape != (256, 3):
        raise ValueError(f'a palette must be uint8 [256, 3], not {list(palette.shape)}')
    height, width = labels.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row starts with its filter: 0, none
    rows[:, 1:] = labels
    content = _SIGNATURE + _chunk(
        b'IHDR', struct.pack('>IIBBBBB', width, height, 8, _PALETTE, 0, 0, 0)
    )
    content += _chunk(b'PLTE', palette.tobytes())
    # Label images are runs of equal pixels: a search for other repetitions takes twice the time.
    runs = zlib.compressobj(level=1, strategy=zlib.Z_RLE)
    data = runs.compress(rows.tobytes()) + runs.flush()
    content += _chunk(b'IDAT', data) + _chunk(b'IEND', b'')
    Path(path).write_bytes(content)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def _as_grey(content: bytes) -> bytes:
    """Return the PNG with its colour type set to grey and without palette and transparency."""
    parts, position = [_SIGNATURE], len(_SIGNATURE)
    while position + 12 <= len(content):
        (length,) = struct.unpack_from('>I', content, position)
        kind = content[position + 4 : position + 8]
        data = content[position + 8 : position + 8 + length]
        if kind == b'IHDR':
            data = data[:9] + bytes([_GREY]) + data[10:]
        if kind in (b'IHDR', b'IDAT', b'IEND'):
            parts.append(_chunk(kind, data))
        position += 12 + length
    return b''.join(parts)
