# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The images of a bag that have a truth with the same stamp, read one at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from surgsam2_ros.sources import BagReader, SourceError, choose_image_topic, peek_header
from surgsam2_ros.sources.bag_frames import decode_labels, decode_message
from surgsam2_ros.sources.image_encodings import EncodingError
from surgsam2_ros.training.videos import Video


class _Pair(NamedTuple):
    """When an image and its truth were recorded [ns], and the stamp that both carry [ns]."""

    image_ns: int
    truth_ns: int
    stamp_ns: int


class TrainingBag(Video):
    """A recording with an image and a truth topic; images without a truth are left out.

    The bag is read through once, without decoding, to find out which messages belong together.
    Afterwards single messages are fetched by their time of recording. Each thread of each process
    opens the bag for itself.
    """

    def __init__(
        self,
        path: Path,
        image_topic: str | None,
        truth_topic: str,
        object_ids: Collection[int] | None = None,
    ):
        """Pair the messages of a bag.

        Raises:
            SourceError: when the bag cannot be read, a topic is missing or holds no images, or no
                image has a truth with its stamp.
        """
        super().__init__(Path(path).name, object_ids)
        self._path = Path(path)
        self._readers: dict[tuple[int, int], BagReader] = {}  # by process and thread
        reader = self._reader()
        self._truth_topic = choose_image_topic(reader, truth_topic)
        self._image_topic = choose_image_topic(reader, image_topic, besides=[self._truth_topic])
        self._pairs = self._pair()

    def __len__(self) -> int:
        return len(self._pairs)

    def image(self, index: int) -> np.ndarray:
        """Fetch and decode an image."""
        pair = self._pairs[index]
        message = self._fetch(self._image_topic, pair.image_ns, pair.stamp_ns)
        try:
            return decode_message(message)
        except EncodingError as error:
            raise SourceError(self._complaint(self._image_topic, index, error)) from error

    def frame_name(self, index: int) -> str:
        """Name a frame by its stamp, 'bag/seconds.nanoseconds'."""
        seconds, nanoseconds = divmod(self._pairs[index].stamp_ns, 10**9)
        return f'{self.name}/{seconds}.{nanoseconds:09d}'

    def where(self, index: int) -> str:
        """Name the bag and the stamp of a frame."""
        return f'bag {self._path}, {self._image_topic} stamped {self._pairs[index].stamp_ns} ns'

    def _read_labels(self, index: int) -> np.ndarray:
        pair = self._pairs[index]
        message = self._fetch(self._truth_topic, pair.truth_ns, pair.stamp_ns)
        try:
            return decode_labels(message)
        except SourceError as error:
            raise SourceError(self._complaint(self._truth_topic, index, error)) from error

    def _pair(self) -> list[_Pair]:
        recorded: dict[str, dict[int, int]] = {self._image_topic: {}, self._truth_topic: {}}
        for message in self._reader().messages(list(recorded)):
            stamp = peek_header(message.data)[0]
            if stamp in recorded[message.topic]:
                raise SourceError(
                    f'topic {message.topic} of bag {self._path} has two messages with the stamp '
                    f'{stamp} ns; images and truth are matched by stamps, which must differ'
                )
            recorded[message.topic][stamp] = message.stamp_ns
        images, truths = recorded[self._image_topic], recorded[self._truth_topic]
        pairs = [_Pair(images[stamp], truths[stamp], stamp) for stamp in images if stamp in truths]
        if not pairs:
            raise SourceError(
                f'none of the {len(images)} images of {self._image_topic} in bag {self._path} has '
                f'the stamp of one of the {len(truths)} label images of {self._truth_topic}; '
                'record the truth with the header of its image'
            )
        return sorted(pairs, key=lambda pair: pair.stamp_ns)

    def _fetch(self, topic: str, recorded_ns: int, stamp_ns: int) -> Any:
        """Return the deserialised message that was recorded at a time and has a stamp."""
        reader = self._reader()
        for message in reader.messages([topic], start_ns=recorded_ns, stop_ns=recorded_ns + 1):
            if peek_header(message.data)[0] == stamp_ns:
                return reader.deserialize(message)
        raise SourceError(
            f'bag {self._path} no longer has the message of {topic} stamped {stamp_ns} ns; '
            'it must not change while it is trained on'
        )

    def _reader(self) -> BagReader:
        """Return the reader of this thread: a position in a file is nothing to share."""
        key = (os.getpid(), threading.get_ident())
        if key not in self._readers:
            self._readers[key] = BagReader(self._path)
        return self._readers[key]

    def _complaint(self, topic: str, index: int, error: Exception) -> str:
        stamp = self._pairs[index].stamp_ns
        return f'topic {topic} of bag {self._path}, message stamped {stamp} ns: {error}'

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_readers': {}}
