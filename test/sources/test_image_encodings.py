# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Image encodings: every one against arithmetic of its own, and every way data can be wrong."""

from __future__ import annotations

import array
import struct
import zlib

import cv2
import numpy as np
import pytest

from surgsam2_ros.sources.image_encodings import (
    ENCODINGS,
    MAX_PIXELS,
    EncodingError,
    decode_compressed,
    decode_image,
    decode_mask,
    encode_jpeg,
    encode_png,
)

HEIGHT, WIDTH = 6, 8
RGB = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
ORANGE = (230, 120, 30)

# Where red, green and blue lie in a pixel's bytes.
CHANNEL_ORDER = {
    'rgb8': (0, 1, 2),
    'bgr8': (2, 1, 0),
    'rgba8': (0, 1, 2),
    'bgra8': (2, 1, 0),
    '8UC3': (2, 1, 0),
    '8UC4': (2, 1, 0),
}
YUV_ORDER = {'yuv422': 'UYVY', 'uyvy': 'UYVY', 'yuv422_yuy2': 'YUYV', 'yuyv': 'YUYV'}


def pack(encoding: str, rgb: np.ndarray) -> np.ndarray:
    """Lay out an RGB image as the encoding demands: uint8 [H, W, channels]."""
    red, green, blue = CHANNEL_ORDER[encoding]
    channels = 4 if encoding in ('rgba8', 'bgra8', '8UC4') else 3
    packed = np.full((*rgb.shape[:2], channels), 77, np.uint8)
    packed[..., red], packed[..., green], packed[..., blue] = np.moveaxis(rgb, 2, 0)
    return packed


def pad_rows(pixels: np.ndarray, padding: int) -> tuple[bytes, int]:
    """Return the bytes of rows with padding behind each, and their step."""
    rows = pixels.reshape(pixels.shape[0], -1).view(np.uint8)
    padded = np.full((rows.shape[0], rows.shape[1] + padding), 99, np.uint8)
    padded[:, : rows.shape[1]] = rows
    return padded.tobytes(), padded.shape[1]


def png_file(pixels: np.ndarray, colour_type: int) -> bytes:
    """Write a PNG by its specification, with no help from the library under test."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body))
        )

    depth = pixels.dtype.itemsize * 8
    rows = b''.join(b'\0' + row.astype(f'>u{depth // 8}').tobytes() for row in pixels)
    header = struct.pack('>IIBBBBB', pixels.shape[1], pixels.shape[0], depth, colour_type, 0, 0, 0)
    return (
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', header)
        + chunk(b'IDAT', zlib.compress(rows))
        + chunk(b'IEND', b'')
    )


def uniform(colour: tuple[int, int, int], size: int = 32) -> np.ndarray:
    return np.full((size, size, 3), colour, np.uint8)


@pytest.mark.parametrize('padding', [0, 5])
@pytest.mark.parametrize('encoding', CHANNEL_ORDER)
def test_packed_colours_come_out_as_rgb(encoding, padding):
    data, step = pad_rows(pack(encoding, RGB), padding)
    np.testing.assert_array_equal(decode_image(encoding, HEIGHT, WIDTH, step, data), RGB)


@pytest.mark.parametrize('padding', [0, 3])
@pytest.mark.parametrize('encoding', ['mono8', '8UC1'])
def test_grey_goes_into_all_channels(encoding, padding):
    data, step = pad_rows(RGB[..., 0].copy(), padding)
    rgb = decode_image(encoding, HEIGHT, WIDTH, step, data)
    np.testing.assert_array_equal(rgb, np.repeat(RGB[..., :1], 3, axis=2))


@pytest.mark.parametrize('is_bigendian', [False, True])
@pytest.mark.parametrize('encoding', ['mono16', '16UC1'])
def test_sixteen_bits_are_scaled_from_their_full_range(encoding, is_bigendian):
    values = np.array([[0, 128, 129, 1000], [0x1234, 0x3412, 65406, 65535]])
    data, step = pad_rows(values.astype('>u2' if is_bigendian else '<u2'), 6)
    rgb = decode_image(encoding, 2, 4, step, data, is_bigendian)
    expected = np.array([[0, 0, 1, 4], [18, 52, 254, 255]])  # value / 257, rounded
    np.testing.assert_array_equal(rgb, np.repeat(expected[..., None], 3, axis=2))


@pytest.mark.parametrize('padding', [0, 7])
@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
def test_bayer_pattern_is_named_by_its_first_two_rows(pattern, padding):
    value = dict(zip('rgb', ORANGE, strict=True))
    cell = np.array([[value[c] for c in pattern[:2]], [value[c] for c in pattern[2:]]], np.uint8)
    data, step = pad_rows(np.tile(cell, (4, 5)), padding)
    rgb = decode_image(f'bayer_{pattern}8', 8, 10, step, data)
    np.testing.assert_array_equal(rgb, np.broadcast_to(ORANGE, (8, 10, 3)))


@pytest.mark.parametrize('padding', [0, 4])
@pytest.mark.parametrize('encoding', YUV_ORDER)
def test_yuv_is_bt601_studio_range(encoding, padding):
    pairs = [(50, 200, 90, 180), (120, 30, 160, 100)]  # Y of two pixels, then their U and V
    packed, expected = [], []
    for first, second, u, v in pairs:
        value = {'U': [u], 'V': [v], 'Y': [first, second]}
        packed += [value[letter].pop(0) for letter in YUV_ORDER[encoding]]
        for y in (first, second):
            luma = 1.164 * (y - 16)
            expected.append(
                [
                    luma + 1.596 * (v - 128),
                    luma - 0.391 * (u - 128) - 0.813 * (v - 128),
                    luma + 2.018 * (u - 128),
                ]
            )
    data, step = pad_rows(np.tile(np.array(packed, np.uint8), (3, 1)), padding)
    rgb = decode_image(encoding, 3, 4, step, data)
    np.testing.assert_allclose(rgb[1], np.clip(expected, 0, 255), atol=1.5)


def test_every_encoding_is_covered_above():
    bayer = [f'bayer_{pattern}8' for pattern in ('rggb', 'bggr', 'gbrg', 'grbg')]
    grey = ['mono8', '8UC1', 'mono16', '16UC1']
    assert set(ENCODINGS) == {*CHANNEL_ORDER, *YUV_ORDER, *bayer, *grey}


def test_rgb8_is_not_copied():
    data = array.array('B', RGB.tobytes())
    rgb = decode_image('rgb8', HEIGHT, WIDTH, WIDTH * 3, data)
    assert np.shares_memory(rgb, np.frombuffer(data, np.uint8))


def test_padding_of_the_last_row_may_be_missing():
    data, step = pad_rows(RGB, 5)
    rgb = decode_image('rgb8', HEIGHT, WIDTH, step, data[:-5])
    np.testing.assert_array_equal(rgb, RGB)
    assert rgb.flags.c_contiguous


@pytest.mark.parametrize(
    ('encoding', 'height', 'width', 'step', 'size', 'words'),
    [
        ('yuv411', 2, 2, 6, 12, ["'yuv411'", 'rgb8, bgr8']),
        ('', 2, 2, 6, 12, ["''", 'publish one of']),
        ('rgb8', 0, 2, 6, 0, ['2x0', 'empty']),
        ('rgb8', 2, 0, 0, 0, ['0x2', 'empty']),
        ('rgb8', 2, 2, 5, 10, ['step 5', '6 bytes']),
        ('rgb8', 2, 2, 0, 12, ['step 0', 'too small']),
        ('rgb8', 2, 2, 6, 11, ['11 bytes', 'step 6 need 12', 'truncated']),
        ('rgb8', 2, 2, 6, 0, ['0 bytes', 'need 12']),
        ('rgb8', 2, 2, 6, 13, ['13 bytes', 'need 12']),
        ('rgb8', 2**31, 2**31, 3 * 2**31, 12, ['too large', str(MAX_PIXELS)]),
        ('mono8', 2**16, 2**16, 2**16, 12, ['65536x65536', 'too large']),
        ('uyvy', 2, 3, 6, 12, ['width 3 is odd', 'even']),
        ('bayer_rggb8', 2, 4, 4, 8, ['4x2', 'at least 3x3']),
    ],
)
def test_sizes_that_do_not_fit_are_refused(encoding, height, width, step, size, words):
    with pytest.raises(EncodingError) as caught:
        decode_image(encoding, height, width, step, bytes(size))
    assert all(word in str(caught.value) for word in words)


def test_mask_is_true_above_zero():
    pixels = np.array([[0, 1, 2], [255, 0, 128]], np.uint8)
    data, step = pad_rows(pixels, 2)
    mask = decode_mask('mono8', 2, 3, step, data)
    assert mask.dtype == bool
    np.testing.assert_array_equal(mask, pixels > 0)


def test_mask_of_another_encoding_is_refused():
    with pytest.raises(EncodingError, match="'rgb8' is not supported; send one of mono8, 8UC1"):
        decode_mask('rgb8', 1, 1, 3, bytes(3))


@pytest.mark.parametrize('format', ['', 'jpeg', 'rgb8; jpeg compressed bgr8', 'png'])
def test_jpeg_keeps_its_colours_whatever_the_format_says(format):
    blue_first = uniform(ORANGE[::-1])
    content = cv2.imencode('.jpg', blue_first)[1].tobytes()
    np.testing.assert_allclose(decode_compressed(content, format), uniform(ORANGE), atol=3)


def test_compressed_rgb_names_the_order_that_the_encoder_was_given():
    red_first = uniform(ORANGE)
    content = cv2.imencode('.jpg', red_first)[1].tobytes()
    rgb = decode_compressed(content, 'rgb8; jpeg compressed rgb8')
    np.testing.assert_allclose(rgb, uniform(ORANGE), atol=3)


def test_grey_jpeg_becomes_rgb():
    content = cv2.imencode('.jpg', np.full((16, 24), 90, np.uint8))[1].tobytes()
    rgb = decode_compressed(content, 'mono8; jpeg compressed mono8')
    np.testing.assert_allclose(rgb, np.full((16, 24, 3), 90), atol=1)


@pytest.mark.parametrize('format', ['', 'png', 'bgr8; png compressed bgr8'])
def test_png_is_lossless_rgb(format):
    np.testing.assert_array_equal(decode_compressed(png_file(RGB, 2), format), RGB)


def test_png_alpha_is_dropped():
    rgba = np.dstack([RGB, np.full((HEIGHT, WIDTH), 9, np.uint8)])
    np.testing.assert_array_equal(decode_compressed(png_file(rgba, 6), 'png'), RGB)


def test_sixteen_bit_png_is_scaled_like_a_raw_image():
    grey = np.array([[0, 129, 1000], [0x1234, 0x3412, 65535]], np.uint16)
    rgb = decode_compressed(png_file(grey, 0), 'mono16; png compressed ')
    np.testing.assert_array_equal(rgb[..., 0], [[0, 1, 4], [18, 52, 255]])
    colours = np.dstack([grey, grey[::-1], grey[:, ::-1]])
    rgb = decode_compressed(png_file(colours, 2), 'rgb16; png compressed bgr16')
    np.testing.assert_array_equal(rgb[0], [[0, 18, 4], [1, 52, 1], [4, 255, 0]])


def test_orientation_tag_does_not_turn_the_image():
    content = cv2.imencode('.jpg', np.zeros((16, 24, 3), np.uint8))[1].tobytes()
    # APP1 segment: one TIFF entry, orientation (0x0112) = 6, a quarter turn
    tiff = b'MM\0*\0\0\0\x08\0\x01' + struct.pack('>HHIHH', 0x0112, 3, 1, 6, 0) + bytes(4)
    exif = b'Exif\0\0' + tiff
    tagged = content[:2] + b'\xff\xe1' + struct.pack('>H', len(exif) + 2) + exif + content[2:]
    assert cv2.imdecode(np.frombuffer(tagged, np.uint8), cv2.IMREAD_COLOR).shape[:2] == (24, 16)
    assert decode_compressed(tagged, 'jpeg').shape == (16, 24, 3)


@pytest.mark.parametrize('kept', [3, 4, 20, 300, 0.5, 0.99, -2])
def test_truncated_jpeg_is_refused(kept):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    content = encode_jpeg(noise)
    part = content[: int(kept * len(content)) if isinstance(kept, float) else kept]
    with pytest.raises(EncodingError, match=f'{len(part)} bytes is truncated'):
        decode_compressed(part, 'jpeg')


@pytest.mark.parametrize('kept', [8, 30, 60, -8])
def test_truncated_png_is_refused(kept):
    with pytest.raises(EncodingError, match='truncated'):
        decode_compressed(png_file(RGB, 2)[:kept], 'png')


def test_damaged_files_are_refused():
    png = bytearray(png_file(RGB, 2))
    png[45] ^= 0xFF
    jpeg = bytearray(encode_jpeg(RGB))
    jpeg[20] ^= 0xFF
    for content in (png, jpeg):
        with pytest.raises(EncodingError, match='damaged'):
            decode_compressed(bytes(content))


@pytest.mark.parametrize(
    ('content', 'format', 'words'),
    [
        (b'', 'jpeg', ['empty']),
        (b'GIF89a' + bytes(30), 'gif', ["'gif'", '47 49 46 38', 'neither JPEG nor PNG']),
        (bytes(100), '16UC1; compressedDepth png', ['depth', 'colour camera']),
    ],
)
def test_other_files_are_refused(content, format, words):
    with pytest.raises(EncodingError) as caught:
        decode_compressed(content, format)
    assert all(word in str(caught.value) for word in words)


def test_enormous_compressed_images_are_refused_before_decoding():
    png = bytearray(png_file(RGB, 2))
    png[16:24] = struct.pack('>II', 60_000, 60_000)
    jpeg = bytearray(encode_jpeg(RGB))
    frame = jpeg.index(b'\xff\xc0')
    jpeg[frame + 5 : frame + 9] = struct.pack('>HH', 65_000, 65_000)
    for content in (png, jpeg):
        with pytest.raises(EncodingError, match='too large'):
            decode_compressed(bytes(content))


def test_encoders_and_decoder_agree():
    np.testing.assert_array_equal(decode_compressed(encode_png(RGB)), RGB)
    np.testing.assert_allclose(
        decode_compressed(encode_jpeg(uniform(ORANGE))), uniform(ORANGE), atol=3
    )
    labels = RGB[..., 0].copy()
    np.testing.assert_array_equal(decode_compressed(encode_png(labels))[..., 0], labels)


@pytest.mark.parametrize('shape', [(4, 4, 4), (0, 4, 3), (4,)])
def test_encoders_refuse_what_is_no_picture(shape):
    with pytest.raises(EncodingError, match='pass uint8'):
        encode_jpeg(np.zeros(shape, np.uint8))
