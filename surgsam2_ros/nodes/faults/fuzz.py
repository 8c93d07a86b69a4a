# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Messages that no sane program sends, drawn from a random generator: one seed, one sequence.

The generator is numpy's, so that a fault can be repeated by its seed on a machine without test
dependencies.
"""

from __future__ import annotations

import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from geometry_msgs.msg import Point32
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image, RegionOfInterest
from std_msgs.msg import Header

from surgsam2_msgs.msg import Prompt, PromptArray
from surgsam2_msgs.srv import AddObjects, ListObjects, RemoveObject, SegmentImage
from surgsam2_ros.sources.image_encodings import ENCODINGS

FUZZ_PREFIX = 'fuzz'
"""Begins the ids of objects that come from here, but for a few odd ones."""

_MOST_BYTES = 4096
_SIDES = (0, 1, 2, 3, 7, 16, 64, 255, 640, 65535, 2**31 - 1, 2**31, 2**32 - 1)
_WRONG_ENCODINGS = (
    '',
    'RGB8',
    'yuv420',
    'jpeg',
    '32FC1',
    'bayer',
    '64SC4',
    'rgb8 ',
    'ü',
    'x' * 999,
)
_FORMATS = ('jpeg', 'png', '', 'bgr8; jpeg compressed bgr8', 'webp', 'tiff', '🎥', '%s%n')
_NUMBERS = (0.0, -1.0, 0.5, 3e38, -3e38, float('nan'), float('inf'), -float('inf'), 1e-40, 639.5)
_LABELS = (0, 1, 1, -1, 2, 2**31 - 1, -(2**31))
_IDS = ('', ' ', '\t', '../../etc/passwd', '%s', 'ü\u202e', '💥')


def random_image(rng: np.random.Generator) -> Image:
    """Return an image whose encoding, sizes and data seldom fit each other."""
    known = rng.random() < 0.7
    message = Image(
        header=random_header(rng),
        encoding=_pick(rng, ENCODINGS if known else _WRONG_ENCODINGS),
        height=_side(rng),
        width=_side(rng),
        is_bigendian=int(rng.integers(256)),
    )
    fits = rng.random() < 0.3 and message.width * message.height * 4 <= _MOST_BYTES
    message.step = message.width * int(rng.integers(1, 5)) if fits else _side(rng)
    length = message.step * message.height if fits else int(rng.integers(_MOST_BYTES))
    message.data = array.array('B', rng.bytes(length))
    return message


def random_compressed(rng: np.random.Generator, encoded: Sequence[bytes]) -> CompressedImage:
    """Return a compressed image that is cut off, damaged, of another format or no image at all.

    Args:
        encoded: sound files, JPEG or PNG, that are damaged.
    """
    data = bytearray(_pick(rng, encoded))
    kind = rng.integers(5)
    if kind == 0:
        data = data[: int(rng.integers(len(data)))]
    elif kind == 1:
        for place in rng.integers(len(data), size=20):
            data[place] = int(rng.integers(256))
    elif kind == 2:
        data = bytearray(rng.bytes(int(rng.integers(_MOST_BYTES))))
    elif kind == 3:
        data = data[:64] + bytearray(rng.bytes(int(rng.integers(64))))
    return CompressedImage(
        header=random_header(rng), format=_pick(rng, _FORMATS), data=array.array('B', data)
    )


def random_prompt(rng: np.random.Generator) -> Prompt:
    """Return a prompt in which any field may be senseless."""
    prompt = Prompt(object_id=random_id(rng), class_name=_pick(rng, ('', 'hook', 'x' * 500)))
    if rng.random() < 0.7:
        number = int(rng.integers(6))
        prompt.points = [Point32(x=_number(rng), y=_number(rng), z=_number(rng))] * number
        wrong = rng.random() < 0.3
        prompt.labels = [_pick(rng, _LABELS) for _ in range(number + int(wrong))]
    if rng.random() < 0.4:
        sides = {
            name: min(_side(rng), 2**32 - 1) for name in ('x_offset', 'y_offset', 'width', 'height')
        }
        prompt.box = RegionOfInterest(**sides)
    if rng.random() < 0.3:
        prompt.mask = random_image(rng)
    prompt.keep_old_points = bool(rng.integers(2))
    return prompt


def random_prompts(rng: np.random.Generator) -> PromptArray:
    """Return a PromptArray of up to four random prompts."""
    return PromptArray(header=random_header(rng), prompts=_prompts(rng))


def random_requests(rng: np.random.Generator, number: int) -> list[tuple[type, str, list[Any]]]:
    """Return requests to each of the object services: type, name, requests.

    Args:
        number: of requests for each.
    """
    repeat = range(number)
    return [
        (AddObjects, 'add_objects', [_add_request(rng) for _ in repeat]),
        (RemoveObject, 'remove_object', [_remove_request(rng) for _ in repeat]),
        (SegmentImage, 'segment', [_segment_request(rng) for _ in repeat]),
        (ListObjects, 'list_objects', [ListObjects.Request() for _ in repeat]),
    ]


def random_header(rng: np.random.Generator) -> Header:
    """Return a header with any stamp the type can hold, seldom a likely one."""
    header = Header(frame_id=_pick(rng, ('', 'camera', 'ü/💥', 'x' * 300)))
    if rng.random() < 0.8:
        header.stamp.sec = int(rng.integers(-(2**31), 2**31))
        header.stamp.nanosec = int(rng.integers(2**32))
    return header


def random_id(rng: np.random.Generator) -> str:
    """Return an object id: one with FUZZ_PREFIX, or one of characters that lead astray."""
    return f'{FUZZ_PREFIX}_{rng.integers(5)}' if rng.random() < 0.6 else _pick(rng, _IDS)


def may_exist(object_id: str) -> bool:
    """Whether an object of this id may have come from here: odd ids are allowed, none is not."""
    return object_id.startswith(FUZZ_PREFIX) or (object_id in _IDS and bool(object_id))


def damaged_bytes(rng: np.random.Generator, message: Any) -> bytes:
    """Serialise a message and cut it off or overwrite some of its first bytes."""
    data = bytearray(serialize_message(message))
    if rng.random() < 0.5:
        return bytes(data[: int(rng.integers(4, len(data)))])
    for place in rng.integers(4, min(len(data), 200), size=8):
        data[place] = int(rng.integers(256))
    return bytes(data)


def _add_request(rng: np.random.Generator) -> AddObjects.Request:
    return AddObjects.Request(
        header=random_header(rng), prompts=_prompts(rng), allow_update=bool(rng.integers(2))
    )


def _remove_request(rng: np.random.Generator) -> RemoveObject.Request:
    return RemoveObject.Request(object_id=random_id(rng))


def _segment_request(rng: np.random.Generator) -> SegmentImage.Request:
    return SegmentImage.Request(image=random_image(rng), prompts=_prompts(rng))


def _prompts(rng: np.random.Generator) -> list[Prompt]:
    return [random_prompt(rng) for _ in range(int(rng.integers(4)))]


def _pick(rng: np.random.Generator, choices: Sequence[Any]) -> Any:
    return choices[int(rng.integers(len(choices)))]


def _side(rng: np.random.Generator) -> int:
    return int(_pick(rng, _SIDES)) if rng.random() < 0.4 else int(rng.integers(1, 33))


def _number(rng: np.random.Generator) -> float:
    return _pick(rng, _NUMBERS) if rng.random() < 0.5 else float(rng.uniform(-50, 700))
