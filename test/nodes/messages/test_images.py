# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Image messages in both directions, their cost, and cv_bridge where ours does not know a way."""

from __future__ import annotations

import array
import sys
import textwrap
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from surgsam2_ros.nodes.messages import cv_bridge_fallback
from surgsam2_ros.nodes.messages.images import (
    decode_compressed_message,
    decode_image_message,
    decode_mask_message,
    make_label_image,
    make_rgb_image,
)
from surgsam2_ros.sources.image_encodings import EncodingError, encode_png

RGB = np.random.default_rng(5).integers(0, 256, (6, 8, 3), np.uint8)
HEADER = Header(frame_id='endoscope_left')
HEADER.stamp.sec, HEADER.stamp.nanosec = 12, 345

SOUND = """
    import numpy as np
    from sensor_msgs.msg import Image

    class CvBridge:
        def imgmsg_to_cv2(self, message, desired):
            kind = np.dtype('<u2') if '16' in message.encoding else np.dtype('u1')
            channels = 1 if message.encoding == '16UC1' else 3
            rows = np.frombuffer(message.data, 'u1').reshape(message.height, message.step)
            rows = rows[:, : message.width * channels * kind.itemsize].copy().view(kind)
            if channels == 1:
                return rows
            pixels = rows.reshape(message.height, message.width, 3)
            if message.encoding == 'rgb16':
                return (pixels // 257).astype('u1')
            if message.encoding != 'bgr8':
                raise KeyError(message.encoding)
            return pixels[:, :, ::-1]

        def cv2_to_imgmsg(self, image, encoding):
            height, width = image.shape[:2]
            return Image(height=height, width=width, encoding=encoding, step=width * 3,
                         data=image.tobytes())
"""


@pytest.fixture
def install_cv_bridge(tmp_path, monkeypatch):
    """Give a function that installs a cv_bridge of this source text for the test."""

    def install(source: str) -> None:
        (tmp_path / 'cv_bridge.py').write_text(textwrap.dedent(source))
        monkeypatch.syspath_prepend(str(tmp_path))

    cv_bridge_fallback.has_sound_cv_bridge.cache_clear()
    yield install
    cv_bridge_fallback.has_sound_cv_bridge.cache_clear()
    sys.modules.pop('cv_bridge', None)


def rgb16_message() -> Image:
    data = array.array('B', (RGB.astype('<u2') * 257).tobytes())
    return Image(encoding='rgb16', height=6, width=8, step=48, data=data)


def test_rgb_image_survives_the_way_out_and_in():
    message = make_rgb_image(HEADER, RGB)
    assert (message.encoding, message.height, message.width, message.step) == ('rgb8', 6, 8, 24)
    assert message.header == HEADER
    np.testing.assert_array_equal(decode_image_message(message), RGB)


def test_label_image_is_mono8_of_the_same_values():
    labels = np.zeros((5, 7), np.uint8)
    labels[1:3, 2:6] = 254
    message = make_label_image(HEADER, labels[:, 1:])  # rows that do not lie side by side
    assert (message.encoding, message.height, message.width, message.step) == ('mono8', 5, 6, 6)
    assert bytes(message.data) == labels[:, 1:].tobytes()


@pytest.mark.parametrize('pixels', [np.zeros((2, 2), bool), np.zeros((2, 2, 3), np.uint8)])
def test_label_image_of_another_kind_is_refused(pixels):
    with pytest.raises(EncodingError, match=r'pass uint8 \[H, W\]'):
        make_label_image(HEADER, pixels)


def test_big_endian_flag_of_the_message_counts():
    message = Image(encoding='mono16', height=1, width=1, step=2, is_bigendian=1)
    message.data = array.array('B', [0x80, 0x00])
    assert decode_image_message(message)[0, 0].tolist() == [128, 128, 128]


def test_compressed_message_is_decoded():
    message = CompressedImage(format='png', data=array.array('B', encode_png(RGB)))
    np.testing.assert_array_equal(decode_compressed_message(message), RGB)


def test_mask_message_is_read_as_bool():
    message = make_label_image(HEADER, np.array([[0, 255, 7]], np.uint8))
    assert decode_mask_message(message).tolist() == [[False, True, True]]


def test_large_images_are_converted_without_per_byte_work():
    rgb = np.zeros((1024, 1280, 3), np.uint8)
    costs = []
    for _ in range(5):
        start = time.perf_counter()
        decode_image_message(make_rgb_image(HEADER, rgb))
        costs.append(time.perf_counter() - start)
    assert min(costs) < 0.03  # about 0.001 s; byte by byte it is more than 0.15 s


def test_without_cv_bridge_an_unknown_encoding_names_the_known_ones(install_cv_bridge, monkeypatch):
    monkeypatch.setitem(sys.modules, 'cv_bridge', None)
    monkeypatch.setattr(cv_bridge_fallback.importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(EncodingError, match="'rgb16' is not supported; publish one of rgb8"):
        decode_image_message(rgb16_message())


def test_sound_cv_bridge_converts_what_ours_does_not_know(install_cv_bridge):
    install_cv_bridge(SOUND)
    np.testing.assert_array_equal(decode_image_message(rgb16_message()), RGB)


def test_what_cv_bridge_cannot_convert_is_an_encoding_error(install_cv_bridge):
    install_cv_bridge(SOUND)
    message = rgb16_message()
    message.encoding = 'bgr16'
    with pytest.raises(EncodingError, match=r"'bgr16' could not be converted by cv_bridge either"):
        decode_image_message(message)


@pytest.mark.parametrize(
    'source',
    [
        SOUND.replace("np.dtype('<u2') if '16' in message.encoding else", ''),  # the ROS 1 port
        'import os; os.abort()',  # built for another NumPy
        'raise ImportError',
    ],
    ids=['wrong 16 bit', 'aborts', 'does not import'],
)
def test_unsound_cv_bridge_is_never_used(install_cv_bridge, source):
    install_cv_bridge(source)
    with pytest.raises(EncodingError, match='is not supported'):
        decode_image_message(rgb16_message())
    assert 'cv_bridge' not in sys.modules
