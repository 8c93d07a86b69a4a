# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The images of one topic of a bag as a frame source, and the truth images that go with them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from surgsam2_ros.sources.bag_reader import BagMessage, BagReader
from surgsam2_ros.sources.frame_source import Frame, FrameSource, SourceError
from surgsam2_ros.sources.image_encodings import EncodingError, decode_compressed, decode_image
from surgsam2_ros.sources.message_types import IMAGE_TYPE, IMAGE_TYPES, peek_header

_LABEL_BYTES = {'mono8': 1, '8UC1': 1, 'mono16': 2, '16UC1': 2}


class BagFrames(FrameSource):
    """Decoded images of one topic; stamps and frame ids are those of their headers."""

    def __init__(self, path: str | Path, *, topic: str | None = None) -> None:
        """Open the bag and choose the topic.

        Args:
            path: rosbag2 directory or file.
            topic: image topic; may be left out when the bag has exactly one.

        Raises:
            SourceError: when the bag is unreadable, or the topic missing, ambiguous or empty.
        """
        self.path = Path(path)
        self.reader = BagReader(path)
        try:
            self.topic = choose_image_topic(self.reader, topic)
        except SourceError:
            self.reader.close()
            raise
        self.name = self.reader.name

    def __len__(self) -> int:
        return self.reader.topics[self.topic].count

    def __iter__(self) -> Iterator[Frame]:
        for index, message in enumerate(self.reader.messages([self.topic])):
            image = self.reader.deserialize(message)
            stamp_ns, frame_id = peek_header(message.data)
            try:
                rgb = decode_message(image)
            except EncodingError as error:
                raise SourceError(
                    f'image {index} of {self.topic} in bag {self.path}: {error}'
                ) from error
            yield Frame(rgb=rgb, stamp_ns=stamp_ns, frame_id=frame_id, index=index)

    @cached_property
    def stamps(self) -> tuple[int, ...]:
        """Header stamps of all images in nanoseconds; the first call reads through the bag."""
        return tuple(peek_header(m.data)[0] for m in self.reader.messages([self.topic]))

    def close(self) -> None:
        """Close the bag."""
        self.reader.close()


def choose_image_topic(
    reader: BagReader, topic: str | None, *, besides: Collection[str] = ()
) -> str:
    """Return the topic to take images from.

    Args:
        reader: the opened bag.
        topic: the one asked for; None takes the only one there is.
        besides: image topics that do not count as candidates, such as the truth.

    Raises:
        SourceError: when `topic` is missing or no image topic, or is None and the bag does not have
            exactly one image topic. The message lists what there is.
    """
    if topic is not None:
        information = reader.require_topic(topic)
        if information.type_name not in IMAGE_TYPES:
            raise SourceError(
                f'topic {topic} of bag {reader.path} is {information.type_name}, no image topic; '
                f'image topics: {_names(reader) or "none"}'
            )
        if not information.count:
            raise SourceError(f'topic {topic} of bag {reader.path} holds no messages')
        return topic
    candidates = [t for t in reader.image_topics() if t.name not in besides]
    if not candidates:
        raise SourceError(f'bag {reader.path} has no image topic; it has {reader.list_topics()}')
    if len(candidates) > 1:
        raise SourceError(
            f'bag {reader.path} has several image topics; name one of them: {_names(reader)}'
        )
    return candidates[0].name


def decode_message(message: Any) -> np.ndarray:
    """Return the pixels of a deserialised Image or CompressedImage as rgb uint8 [H, W, 3].

    Raises:
        EncodingError: when encoding, size and data do not fit together.
    """
    if message.__msgtype__ == IMAGE_TYPE:
        return decode_image(
            message.encoding,
            message.height,
            message.width,
            message.step,
            message.data,
            bool(message.is_bigendian),
        )
    return decode_compressed(message.data, message.format)


def decode_labels(message: Any) -> np.ndarray:
    """Return a label image, one object id per pixel, as uint8 [H, W].

    Args:
        message: deserialised mono8, 8UC1, mono16 or 16UC1 Image with values up to 255, or
            CompressedImage with a one-channel PNG.

    Raises:
        SourceError: for any other kind of image.
    """
    import cv2

    if message.__msgtype__ == IMAGE_TYPE:
        return _decode_raw_labels(message)
    labels = cv2.imdecode(np.asarray(message.data, np.uint8), cv2.IMREAD_UNCHANGED)
    if labels is None or labels.ndim != 2 or labels.dtype != np.uint8:
        raise SourceError('a compressed label image must be a PNG with one 8-bit channel')
    return labels


def _decode_raw_labels(message: Any) -> np.ndarray:
    height, width, step = message.height, message.width, message.step
    depth = _LABEL_BYTES.get(message.encoding)
    if depth is None:
        raise SourceError(
            f"a label image must be {', '.join(_LABEL_BYTES)}, this one is '{message.encoding}'"
        )
    if step < width * depth or message.data.size < height * step:
        raise SourceError(
            f'a label image of {width}x{height} (step {step}) has {message.data.size} bytes'
        )
    rows = message.data[: height * step].reshape(height, step)[:, : width * depth]
    if depth == 1:
        return np.array(rows)
    labels = np.ascontiguousarray(rows).view('>u2' if message.is_bigendian else '<u2')
    if labels.size and labels.max() > 255:
        raise SourceError(
            f'a label image has the value {labels.max()}; object ids are 1 to 254, 0 is background'
        )
    return labels.astype(np.uint8)


def read_labels(reader: BagReader, topic: str) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (header stamp in ns, label image uint8 [H, W]) for every message of a truth topic.

    Raises:
        SourceError: when the topic is missing or does not hold label images.
    """
    choose_image_topic(reader, topic)
    for message in reader.messages([topic]):
        try:
            labels = decode_labels(reader.deserialize(message))
        except SourceError as error:
            raise SourceError(f'topic {topic} of bag {reader.path}: {error}') from error
        yield _stamp(message), labels


def _stamp(message: BagMessage) -> int:
    return peek_header(message.data)[0]


def _names(reader: BagReader) -> str:
    return ', '.join(f'{t.name} ({t.type_name}, {t.count})' for t in reader.image_topics())
