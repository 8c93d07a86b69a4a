# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The masks of one frame, object by object, and the bytes that a file keeps them in.

    surgsam2 masks 1 <CRC-32 of all that follows>
    {"size": [H, W], "objects": [{"instance": 1, "box": [x, y, width, height], …}, …]}
    zlib of the objects' pixels within their boxes, eight to a byte, one object after the other

Objects are kept one by one, so masks may overlap; only label images choose.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from surgsam2_ros.tracking import MaskCrop, TrackState

_MAGIC = b'surgsam2 masks 1 '


class MaskFileError(ValueError):
    """Bytes that are no masks, or not all of them."""


@dataclass(frozen=True, eq=False)
class ObjectMask:
    """One object in one frame.

    Attributes:
        instance: its value in label images, 1 to 254.
        crop: its mask.
        score: predicted IoU, 0 to 1.
        presence: probability that it is in the picture, 0 to 1.
        state: how far to trust it.
    """

    instance: int
    crop: MaskCrop
    score: float
    presence: float
    state: TrackState


@dataclass(frozen=True, eq=False)
class FrameMasks:
    """All objects of one frame.

    Attributes:
        size: (H, W) of the image.
        objects: by instance; an object that is not in the picture has an empty mask.
    """

    size: tuple[int, int]
    objects: Mapping[int, ObjectMask]

    def changed(self, objects: Iterable[ObjectMask], without: Collection[int] = ()) -> FrameMasks:
        """Return it with these objects in place of those of the same instance."""
        merged = {**self.objects, **{one.instance: one for one in objects}}
        return FrameMasks(self.size, {k: v for k, v in merged.items() if k not in without})

    def label_image(self, instances: Collection[int]) -> np.ndarray:
        """Draw the objects of these instances, uint8 [H, W], 0 is background.

        Where masks overlap the object with the higher score wins.
        """
        labels = np.zeros(self.size, np.uint8)
        for one in sorted(self.objects.values(), key=lambda one: one.score):
            if one.instance in instances and one.crop.box is not None:
                x, y, width, height = one.crop.box
                labels[y : y + height, x : x + width][one.crop.pixels] = one.instance
        return labels


def encode(masks: FrameMasks) -> bytes:
    """Return the content of a file with these masks."""
    objects = [
        {
            'instance': one.instance,
            'box': one.crop.box,
            'score': round(one.score, 4),
            'presence': round(one.presence, 4),
            'state': int(one.state),
        }
        for one in masks.objects.values()
    ]
    header = json.dumps({'size': masks.size, 'objects': objects}, separators=(',', ':')).encode()
    pixels = b''.join(np.packbits(one.crop.pixels).tobytes() for one in masks.objects.values())
    content = header + b'\n' + zlib.compress(pixels, 1)
    return _MAGIC + b'%08x\n' % zlib.crc32(content) + content


def decode(content: bytes) -> FrameMasks:
    """Return the masks that a file has.

    Raises:
        MaskFileError: when it is damaged.
    """
    first, _, rest = content.partition(b'\n')
    if not first.startswith(_MAGIC) or first[len(_MAGIC) :] != b'%08x' % zlib.crc32(rest):
        raise MaskFileError('it is damaged')
    line, _, packed = rest.partition(b'\n')
    try:
        header = json.loads(line)
        size = tuple(header['size'])
        pixels, position, objects = zlib.decompress(packed), 0, {}
        for one in header['objects']:
            crop, position = _crop(one['box'], size, pixels, position)
            objects[one['instance']] = ObjectMask(
                one['instance'], crop, one['score'], one['presence'], TrackState(one['state'])
            )
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise MaskFileError(f'it is no file of masks ({error!r})') from error
    return FrameMasks(size, objects)


def states_in(start: bytes) -> dict[int, int]:
    """Read states by instance from the first two lines of a file; MaskFileError without them."""
    first, _, rest = start.partition(b'\n')
    try:
        if not first.startswith(_MAGIC):
            raise ValueError('no masks')
        return {one['instance']: one['state'] for one in json.loads(rest)['objects']}
    except (ValueError, KeyError, TypeError) as error:
        raise MaskFileError(f'it is no file of masks ({error!r})') from error


def _crop(
    box: list[int] | None, size: tuple[int, int], pixels: bytes, position: int
) -> tuple[MaskCrop, int]:
    if box is None:
        return MaskCrop.empty(size), position
    width, height = box[2:]
    length = (width * height + 7) // 8
    packed = np.frombuffer(pixels, np.uint8, length, position)
    bits = np.unpackbits(packed, count=width * height).astype(bool).reshape(height, width)
    return MaskCrop(size, tuple(box), bits), position + length
