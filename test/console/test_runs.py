# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Label images as runs of equal values."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from surgsam2_ros.console.runs import decode_runs, encode_runs


def test_bytes_are_count_lengths_and_values():
    labels = np.array([[0, 0, 7], [7, 7, 0]], np.uint8)
    assert encode_runs(labels) == struct.pack('<I3I3B', 3, 2, 3, 1, 0, 7, 0)


@pytest.mark.parametrize('kind', [np.uint8, bool])
def test_what_was_encoded_is_decoded(kind):
    labels = (np.random.default_rng(3).random((37, 53)) > 0.7).astype(kind)
    assert np.array_equal(decode_runs(encode_runs(labels), (37, 53)), labels)


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'\x00\x00\x00\x00',
        struct.pack('<I', 2**32 - 1),
        struct.pack('<II', 1, 6),
        struct.pack('<IIB', 1, 7, 1),
        struct.pack('<I2I2B', 2, 2**32 - 1, 7, 1, 0),
    ],
)
def test_damaged_bytes_are_refused(content):
    with pytest.raises(ValueError, match=r'runs|bytes'):
        decode_runs(content, (2, 3))
