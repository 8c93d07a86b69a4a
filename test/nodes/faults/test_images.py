# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Unusual images are read, those that contradict themselves are refused, and stamps wrap."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('rclpy')

from surgsam2_ros.nodes.faults import images
from surgsam2_ros.nodes.faults.camera import Shot, make_header, sound
from surgsam2_ros.nodes.messages.images import decode_compressed_message, decode_image_message
from surgsam2_ros.sources.image_encodings import EncodingError

RGB = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
SHOT = Shot(RGB, 1_700_000_000_123_456_789, 7)


def test_a_healthy_camera_sends_the_picture_with_its_stamp():
    (message,) = sound(SHOT)
    np.testing.assert_array_equal(decode_image_message(message), RGB)
    stamp = message.header.stamp
    assert (stamp.sec, stamp.nanosec) == (1_700_000_000, 123_456_789)


@pytest.mark.parametrize('choice', range(8))
def test_every_encoding_that_is_sent_can_be_read(choice):
    assert decode_image_message(images.encoded(SHOT, choice)).shape == RGB.shape


def test_a_picture_of_another_size_can_be_read():
    assert decode_image_message(images.resized(SHOT, (20, 10))).shape == (10, 20, 3)


@pytest.mark.parametrize('step', [0, 1, 3 * 64 - 1])
def test_a_step_that_is_too_small_is_refused(step):
    with pytest.raises(EncodingError):
        decode_image_message(images.with_step(SHOT, step))


@pytest.mark.parametrize('share', [0.0, 0.5, 0.999])
def test_data_that_is_too_short_is_refused(share):
    with pytest.raises(EncodingError):
        decode_image_message(images.cut(SHOT, share))


def test_a_whole_jpeg_is_read_and_its_first_bytes_are_not():
    assert decode_compressed_message(images.jpeg(SHOT)).shape == RGB.shape
    with pytest.raises(EncodingError):
        decode_compressed_message(images.jpeg(SHOT, 0.01))


@pytest.mark.parametrize('stamp_ns', [-1, 0, 2**31 * 10**9, -(2**31) * 10**9 - 1])
def test_any_stamp_fits_into_a_header(stamp_ns):
    stamp = make_header(stamp_ns).stamp
    assert -(2**31) <= stamp.sec < 2**31
    assert stamp.nanosec == stamp_ns % 10**9
