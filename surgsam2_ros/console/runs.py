# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Label images and masks as runs of equal values: small, exact, and quick to read in a browser.

The bytes are, little-endian: the number of runs (uint32), the length of each run in pixels
(uint32), the value of each run (uint8). Runs go along the rows and on from row to row.
"""

from __future__ import annotations

import numpy as np

_COUNT = np.dtype('<u4')


def encode_runs(labels: np.ndarray) -> bytes:
    """Encode a label image.

    Args:
        labels: uint8 or bool [H, W], not empty.
    """
    flat = np.ascontiguousarray(labels).view(np.uint8).reshape(-1)
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    lengths = np.diff(starts, append=flat.size)
    return b''.join(
        (
            _COUNT.type(len(starts)).astype(_COUNT).tobytes(),
            lengths.astype(_COUNT).tobytes(),
            flat[starts].tobytes(),
        )
    )


def decode_runs(content: bytes, size: tuple[int, int]) -> np.ndarray:
    """Decode a label image that came from elsewhere.

    Args:
        content: as `encode_runs` makes it.
        size: (H, W) that it must have.

    Returns:
        uint8 [H, W].

    Raises:
        ValueError: when the content is damaged or of another size.
    """
    count = int(np.frombuffer(content, _COUNT, 1)[0]) if len(content) >= 4 else 0
    if count == 0 or len(content) != 4 + 5 * count:
        raise ValueError(f'{len(content)} bytes do not hold {count} runs of a label image')
    lengths = np.frombuffer(content, _COUNT, count, 4).astype(np.int64)
    pixels = size[0] * size[1]
    if int(lengths.sum()) != pixels:
        raise ValueError(
            f'the runs cover {int(lengths.sum())} pixels; the image has {size[1]}x{size[0]}'
        )
    values = np.frombuffer(content, np.uint8, count, 4 + 4 * count)
    return np.repeat(values, lengths).reshape(size)
