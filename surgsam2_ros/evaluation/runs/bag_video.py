# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A bag as a video: images of one topic, and a truth matched to them by stamp."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from surgsam2_ros.evaluation.runs.stamp_matching import match_stamps, stamp_of_name
from surgsam2_ros.evaluation.runs.video import EvaluationVideo
from surgsam2_ros.sources import (
    BagMessage,
    BagReader,
    SourceError,
    choose_image_topic,
    peek_header,
    read_label_png,
)
from surgsam2_ros.sources.bag_frames import decode_labels, decode_message
from surgsam2_ros.sources.image_encodings import EncodingError


class TopicCursor:
    """Messages of one topic by their number; reading forwards costs one pass through the bag.

    Attributes:
        stamps: header stamp of every message [ns].
    """

    def __init__(self, reader: BagReader, topic: str) -> None:
        """Read the headers of all messages."""
        self._reader, self._topic = reader, topic
        recorded, stamps = [], []
        for message in reader.messages([topic]):
            recorded.append(message.stamp_ns)
            try:
                stamps.append(peek_header(message.data)[0])
            except ValueError as error:
                raise SourceError(
                    f'message {len(stamps)} on {topic} of bag {reader.path} has no header: {error}'
                ) from error
        self._recorded = recorded
        self.stamps = tuple(stamps)
        self._messages: Iterator[BagMessage] = iter(())
        self._next = -1

    def message(self, index: int) -> BagMessage:
        """Return message `index`, from 0."""
        if self._next < 0 or index < self._next:
            start = self._recorded[index]
            self._messages = self._reader.messages([self._topic], start_ns=start)
            self._next = next(i for i, time in enumerate(self._recorded) if time >= start)
        while True:
            message = next(self._messages)
            self._next += 1
            if self._next > index:
                return message


class BagVideo(EvaluationVideo):
    """The images of a topic, with a truth in a topic or in a folder of PNGs."""

    def __init__(
        self,
        name: str,
        bag: Path,
        *,
        image_topic: str | None = None,
        truth_topic: str | None = None,
        truth: Path | None = None,
        tolerance_ns: int = 0,
        names: dict[int, str] | None = None,
    ) -> None:
        """Name the bag and the truth; nothing is read yet.

        Args:
            name: of the video.
            bag: rosbag2 directory or file.
            image_topic: raw or compressed images; may be left out where there is one topic alone.
            truth_topic: label images (mono8, 8UC1, mono16, 16UC1 or one-channel PNG).
            truth: a folder of label images named after stamps or frame numbers, or another bag,
                which has the truth topic.
            tolerance_ns: most that the stamps of an image and its label image may differ.
            names: of the object ids.
        """
        super().__init__(name, bag, image_topic=image_topic, names=names)
        self.truth_topic = truth_topic
        self.truth_path = truth
        self.tolerance_ns = tolerance_ns
        self._asked_topic = image_topic
        self._readers: list[BagReader] = []
        self._forget()

    def _forget(self) -> None:
        self._image_cursor: TopicCursor | None = None
        self._truth_cursor: TopicCursor | None = None
        self._truth_files: list[Path] = []
        self._pairs: dict[int, int] = {}

    def _open(self) -> None:
        reader = self._reader(self.images)
        if self.truth_topic is not None and self.truth_path is None:
            choose_image_topic(reader, self.truth_topic)
        besides = [self.truth_topic] if self.truth_topic is not None else []
        self.image_topic = choose_image_topic(reader, self._asked_topic, besides=besides)
        self._image_cursor = TopicCursor(reader, self.image_topic)
        stamps = self._image_cursor.stamps
        backwards = sum(b <= a for a, b in itertools.pairwise(stamps))
        if backwards:
            self.warnings.append(
                f'{backwards} images on {self.image_topic} are not newer than the one before them'
            )
        if self.truth_path is not None and self.truth_topic is None:
            self._match_folder(self.truth_path, stamps)
        elif self.truth_topic is not None:
            source = reader if self.truth_path is None else self._reader(self.truth_path)
            self._match_topic(source, self.truth_topic, stamps)
        else:
            raise SourceError(
                f'nothing tells the truth of bag {self.images}: name a topic of label images with '
                f'--truth-topic, or a folder with --truth. It has {reader.list_topics()}'
            )

    def _reader(self, path: Path) -> BagReader:
        self._readers.append(BagReader(path))
        return self._readers[-1]

    def _match_topic(self, reader: BagReader, topic: str, stamps: tuple[int, ...]) -> None:
        choose_image_topic(reader, topic)
        if reader.path == self.images and topic == self.image_topic:
            raise SourceError(f'{topic} of bag {self.images} cannot be both images and truth')
        self._truth_cursor = TopicCursor(reader, topic)
        self._match(f'topic {topic}', self._truth_cursor.stamps, stamps)

    def _match_folder(self, folder: Path, stamps: tuple[int, ...]) -> None:
        if not folder.is_dir():
            raise SourceError(f'the truth {folder} of bag {self.images} does not exist')
        self._truth_files = sorted(folder.glob('*.png'))
        if not self._truth_files:
            raise SourceError(f'{folder}, the truth of bag {self.images}, holds no PNG files')
        times = [stamp_of_name(file.stem) for file in self._truth_files]
        if None not in times:
            self._match(f'folder {folder}', times, stamps)
            return
        stranger = self._truth_files[times.index(None)].name
        if any(time is not None for time in times) or not all(
            file.stem.isdecimal() for file in self._truth_files
        ):
            raise SourceError(
                f'{folder}/{stranger} is neither a stamp nor a frame number; name the label images '
                'of a bag after the stamps of its images (1700000000.123456789.png, or '
                'nanoseconds), or after their numbers from 0 (00000.png)'
            )
        self._match_numbers(folder, len(stamps))

    def _match_numbers(self, folder: Path, images: int) -> None:
        numbers = {int(file.stem): index for index, file in enumerate(self._truth_files)}
        self._pairs = {number: i for number, i in sorted(numbers.items()) if number < images}
        if not self._pairs:
            raise SourceError(
                f'the label images of {folder} are numbered {min(numbers)} to {max(numbers)}, but '
                f'bag {self.images} has {images} images; number them from 0'
            )
        if len(self._pairs) < len(self._truth_files):
            self.warnings.append(
                f'{len(self._truth_files) - len(self._pairs)} label images of {folder} are '
                f'numbered beyond the {images} images of the bag'
            )
        self._warn_unlabelled(images)

    def _match(self, origin: str, labels: list[int] | tuple[int, ...], stamps: tuple) -> None:
        matching = match_stamps(stamps, labels, self.tolerance_ns)
        tolerance = f'{self.tolerance_ns / 1e6:g} ms'
        if not matching.pairs:
            raise SourceError(
                f'no label image of {origin} is within {tolerance} of an image on '
                f'{self.image_topic} of bag {self.images}; the nearest is '
                f'{matching.nearest_ns / 1e6:.3f} ms away. Raise --tolerance-ms if the clocks '
                'differ by that little, or give the truth of this recording'
            )
        self._pairs = matching.pairs
        if matching.unmatched:
            self.warnings.append(
                f'{matching.unmatched} of {len(labels)} label images of {origin} match no image '
                f'within {tolerance}'
            )
        if matching.worst_ns:
            self.warnings.append(
                f'the stamps of images and truth differ by up to {matching.worst_ns / 1e6:.3f} ms '
                f'(allowed: {tolerance})'
            )
        self._warn_unlabelled(len(stamps))

    def _warn_unlabelled(self, images: int) -> None:
        if len(self._pairs) < images:
            self.warnings.append(
                f'{len(self._pairs)} of {images} images have a truth; the others are tracked but '
                'not scored'
            )

    def _close(self) -> None:
        for reader in self._readers:
            reader.close()
        self._readers = []
        self._forget()

    def _stems(self) -> tuple[str, ...]:
        return tuple(f'{index:05d}' for index in range(len(self._image_cursor.stamps)))

    def _stamps(self) -> tuple[int, ...]:
        return self._image_cursor.stamps

    def _image(self, index: int) -> np.ndarray:
        reader = self._readers[0]
        try:
            rgb = decode_message(reader.deserialize(self._image_cursor.message(index)))
        except EncodingError as error:
            raise SourceError(
                f'image {index} on {self.image_topic} of bag {self.images}: {error}'
            ) from error
        return np.require(rgb, requirements='W')  # torch warns of memory it may not write to

    def _has_truth(self, index: int) -> bool:
        return index in self._pairs

    def _truth(self, index: int) -> tuple[str, np.ndarray] | None:
        position = self._pairs.get(index)
        if position is None:
            return None
        if self._truth_cursor is None:
            file = self._truth_files[position]
            return str(file), read_label_png(file)
        reader = self._readers[-1]
        origin = f'label image {position} on {self.truth_topic} of bag {reader.path}'
        try:
            return origin, decode_labels(reader.deserialize(self._truth_cursor.message(position)))
        except SourceError as error:
            raise SourceError(f'{origin}: {error}') from error
