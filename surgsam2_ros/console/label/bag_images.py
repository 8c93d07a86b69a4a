# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The images of one topic of a bag in any order, by an index of their times."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from surgsam2_ros.datasets.sequence_writer import write_atomically
from surgsam2_ros.sources import BagFrames, BagMessage, SourceError, peek_header
from surgsam2_ros.sources.bag_frames import decode_message
from surgsam2_ros.sources.image_encodings import EncodingError
from surgsam2_ros.sources.message_types import COMPRESSED_IMAGE_TYPE

_READ_TOGETHER = 8  # neighbouring messages that one look into the bag fetches

_PLAIN_FILES = {b'\xff\xd8\xff': '.jpg', b'\x89PN': '.png'}


class BagImages:
    """Images by their index; one thread reads the bag, as SQLite wants it.

    The first opening reads through the bag once, for the stamps are within the messages; with the
    index that `keep_index` left the next one does not. An image then costs a look into the chunk
    that holds it; who goes from image to image, forwards or backwards, finds most of them fetched
    already. Kept are some bytes an image, and at most eight messages as they are in the bag.

    Attributes:
        topic: whose images they are.
        name: of the recording.
        stamps: int64 [N], of the images' headers [ns].
        digest: tells this topic of this bag from others.
    """

    def __init__(
        self, path: str | Path, topic: str | None = None, index_file: Path | None = None
    ) -> None:
        """Open the bag and find its images.

        Args:
            path: rosbag2 directory or file.
            topic: image topic; may be left out when the bag has exactly one.
            index_file: what `keep_index` may have written.

        Raises:
            SourceError: when the bag is unreadable, or the topic missing, ambiguous or empty.
        """
        self._thread = ThreadPoolExecutor(1, thread_name_prefix='bag_images')
        self._fetched: dict[int, BagMessage] = {}
        self._newest = -2
        self._frames: BagFrames | None = None
        try:
            self._frames = self._run(BagFrames, path, topic=topic)
            self.topic, self.name = self._frames.topic, self._frames.name
            files = [path.stat() for path in self._frames.reader.files]
            self._files = np.array([(stat.st_size, stat.st_mtime_ns) for stat in files], np.int64)
            recorded, self.stamps = self._index(index_file)
            self._recorded: list[int] = recorded.tolist()
            ends = self._run(self._read, 0).data, self._run(self._read, len(self) - 1).data
        except BaseException:
            self.close()
            raise
        digest = hashlib.blake2b(self.topic.encode(), digest_size=16)
        for part in (self.stamps.tobytes(), *ends):
            digest.update(part)
        self.digest = digest.hexdigest()

    def __len__(self) -> int:
        return len(self._recorded)

    def stem(self, index: int) -> str:
        """Name of a frame in data sets."""
        return f'{index:05d}'

    def image(self, index: int) -> np.ndarray:
        """Decode an image, rgb uint8 [H, W, 3].

        Raises:
            SourceError: when it cannot be.
        """
        try:
            return decode_message(self._message(index))
        except EncodingError as error:
            raise SourceError(f'image {index} of {self.topic}: {error}') from error

    def original(self, index: int) -> tuple[str, bytes] | None:
        """Return suffix and content of the image file that a message holds; None for pixels."""
        message = self._message(index)
        if message.__msgtype__ != COMPRESSED_IMAGE_TYPE:
            return None
        content = bytes(message.data)
        suffix = _PLAIN_FILES.get(content[:3])
        return None if suffix is None else (suffix, content)

    def keep_index(self, file: Path) -> None:
        """Write the times down for the next opening; OSError when that cannot be done."""
        if _load(file, self._files, self.topic) is not None:
            return
        recorded = np.array(self._recorded, np.int64)

        def save(part: Path) -> None:
            with part.open('wb') as target:
                np.savez(
                    target,
                    files=self._files,
                    topic=self.topic,
                    recorded=recorded,
                    stamps=self.stamps,
                )

        write_atomically(file, save)

    def close(self) -> None:
        """Close the bag; may be called twice."""
        frames, self._frames = self._frames, None
        if frames is not None:
            self._run(frames.close)
        self._thread.shutdown()

    def _message(self, index: int) -> Any:
        return self._frames.reader.deserialize(self._run(self._read, index))

    def _run(self, work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        return self._thread.submit(work, *arguments, **named).result()

    def _read(self, index: int) -> BagMessage:
        beside = abs(index - self._newest) == 1
        self._newest = index
        if index in self._fetched:
            return self._fetched[index]
        first = index - index % _READ_TOGETHER if beside else index
        last = min(first + _READ_TOGETHER, len(self)) - 1 if beside else index
        start, stop = self._recorded[first], self._recorded[last] + 1
        position, fetched = bisect_left(self._recorded, start), {}
        for message in self._frames.reader.messages([self.topic], start_ns=start, stop_ns=stop):
            if first <= position <= last:
                fetched[position] = message
            position += 1
        if index not in fetched:
            raise SourceError(f'image {index} of {self.topic} is no longer in the bag')
        self._fetched = fetched
        return fetched[index]

    def _index(self, file: Path | None) -> tuple[np.ndarray, np.ndarray]:
        """Return times of recording and stamps, int64 [N] each."""
        known = _load(file, self._files, self.topic)
        if known is not None:
            return known
        times = np.array(self._run(self._scan), np.int64).reshape(-1, 2)
        return times[:, 0].copy(), times[:, 1].copy()

    def _scan(self) -> list[tuple[int, int]]:
        messages = self._frames.reader.messages([self.topic])
        return [(message.stamp_ns, peek_header(message.data)[0]) for message in messages]


def _load(file: Path | None, key: np.ndarray, topic: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the times that a file keeps, when they are those of these files."""
    if file is None or not file.is_file():
        return None
    try:
        with np.load(file) as content:
            if str(content['topic']) != topic or not np.array_equal(content['files'], key):
                return None
            return content['recorded'], content['stamps']
    except (OSError, ValueError, KeyError):
        return None  # it is made again
