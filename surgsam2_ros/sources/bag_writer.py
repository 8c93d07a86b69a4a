# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes rosbag2 recordings from serialised messages, with the definitions that viewers need."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer

from surgsam2_ros.sources.frame_source import SourceError
from surgsam2_ros.sources.message_types import (
    COMPRESSED_IMAGE_TYPE,
    IMAGE_TYPE,
    create_typestore,
    describe_type,
    ensure_type,
)

METADATA_VERSION = 8  # the newest one that writes QoS as every rosbag2 since Humble reads it
_PLUGINS = {'mcap': StoragePlugin.MCAP, 'sqlite3': StoragePlugin.SQLITE3}
_MOST_PENDING = 64  # messages that may wait for the disk
_SUFFIX_STORAGE = {'.mcap': 'mcap', '.db3': 'sqlite3'}


class BagWriter:
    """A new recording; what was written is complete once it is closed. Threads may share it.

    A path ending in .mcap or .db3 becomes one file, any other path a directory with metadata.yaml.

    Example:
        with BagWriter('scene.mcap') as bag:
            bag.write_image('/image', rgb, stamp_ns=0, frame_id='camera', encoding='rgb8')
    """

    def __init__(
        self, path: str | Path, *, storage: str | None = None, overwrite: bool = False
    ) -> None:
        """Start the recording.

        Args:
            path: file or directory to create.
            storage: 'mcap' or 'sqlite3'; by default what the suffix says, mcap for a directory.
            overwrite: replace an existing file or bag directory.

        Raises:
            SourceError: when the path exists (and is not to be replaced) or the storage is unknown.
        """
        self.path = Path(path)
        of_suffix = _SUFFIX_STORAGE.get(self.path.suffix)
        storage = storage or of_suffix or 'mcap'
        if storage not in _PLUGINS:
            raise SourceError(f"storage '{storage}' is unknown; use mcap or sqlite3")
        if of_suffix and of_suffix != storage:
            raise SourceError(f'{self.path} names {of_suffix} storage, but {storage} was asked for')
        if self.path.exists() and not overwrite:
            raise SourceError(f'{self.path} exists already; choose another name or remove it')
        if self.path.is_dir() and not _may_replace(self.path):
            raise SourceError(f'{self.path} is a folder, but no bag; it is left as it is')
        self._single_file = of_suffix is not None
        self._partial = self.path.with_name(f'.{self.path.name}.partial')
        shutil.rmtree(self._partial, ignore_errors=True)
        name = self.path.stem if self._single_file else self.path.name
        self._writer = Writer(
            self._partial / name, version=METADATA_VERSION, storage_plugin=_PLUGINS[storage]
        )
        self.typestore = create_typestore()
        self.counts: dict[str, int] = {}
        self._connections: dict[tuple[str, str], Connection] = {}
        self._closed = False
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        # SQLite wants one thread; and who hands over a message need not wait for the disk.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix='bag_writer')
        self._room = threading.Semaphore(_MOST_PENDING)
        self._thread.submit(self._writer.open).result()

    def add_topic(
        self, topic: str, type_name: str, *, definition: tuple[str, str] | None = None
    ) -> None:
        """Announce a topic; `write` does it by itself for types that are defined on this machine.

        Args:
            topic: topic name.
            type_name: such as 'sensor_msgs/msg/Image'.
            definition: text and RIHS01 hash, as from BagReader.definition.

        Raises:
            UnknownTypeError: when no definition is given or found.
            SourceError: when the recording is closed.
        """
        with self._lock:
            if self._closed:
                raise SourceError(f'{self.path} is closed; nothing more can be written')
            if (topic, type_name) in self._connections:
                return
            text, digest = definition or describe_type(self.typestore, type_name)
            self._connections[topic, type_name] = self._thread.submit(
                self._writer.add_connection, topic, type_name, msgdef=text, rihs01=digest
            ).result()
            self.counts.setdefault(topic, 0)

    def write(self, topic: str, type_name: str, stamp_ns: int, data: bytes | memoryview) -> None:
        """Append one serialised message (CDR with its encapsulation header).

        Args:
            topic: topic name.
            type_name: type of the message.
            stamp_ns: time of recording in nanoseconds, not negative.
            data: serialised message, not changed afterwards.

        Raises:
            UnknownTypeError: when the topic is new and its type unknown.
            SourceError: when the recording is closed, or an earlier message could not be written.
        """
        self.add_topic(topic, type_name)
        self._raise_error()
        self._room.acquire()
        with self._lock:
            if self._closed:
                raise SourceError(f'{self.path} is closed; nothing more can be written')
            connection = self._connections[topic, type_name]
            written = self._thread.submit(self._writer.write, connection, stamp_ns, data)
            self.counts[topic] += 1
        written.add_done_callback(self._note_result)

    def _note_result(self, written: Future) -> None:
        self._room.release()
        self._error = self._error or written.exception()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise SourceError(f'{self.path} cannot be written: {self._error}') from self._error

    def write_message(self, topic: str, stamp_ns: int, message: Any) -> None:
        """Append a message object of this writer's type store (see `create`)."""
        type_name = message.__msgtype__
        self.write(topic, type_name, stamp_ns, self.typestore.serialize_cdr(message, type_name))

    def create(self, type_name: str, **fields: Any) -> Any:
        """Return a message object of the named type with the given fields."""
        ensure_type(self.typestore, type_name)
        return self.typestore.types[type_name](**fields)

    def header(self, stamp_ns: int, frame_id: str) -> Any:
        """Return a std_msgs/Header object."""
        seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
        stamp = self.create('builtin_interfaces/msg/Time', sec=seconds, nanosec=nanoseconds)
        return self.create('std_msgs/msg/Header', stamp=stamp, frame_id=frame_id)

    def write_image(
        self, topic: str, image: np.ndarray, *, stamp_ns: int, frame_id: str, encoding: str
    ) -> None:
        """Append a sensor_msgs/Image.

        Args:
            topic: topic name.
            image: uint8 [H, W] or [H, W, C], as the encoding says (rgb8, bgr8, mono8, …).
            stamp_ns: stamp of the header and of the recording.
            frame_id: of the header.
            encoding: of the pixels.
        """
        message = self.create(
            IMAGE_TYPE,
            header=self.header(stamp_ns, frame_id),
            height=image.shape[0],
            width=image.shape[1],
            encoding=encoding,
            is_bigendian=0,
            step=image[0].nbytes,
            data=np.ascontiguousarray(image).reshape(-1),
        )
        self.write_message(topic, stamp_ns, message)

    def write_compressed_image(
        self, topic: str, data: bytes, *, stamp_ns: int, frame_id: str, image_format: str
    ) -> None:
        """Append a sensor_msgs/CompressedImage.

        Args:
            topic: topic name.
            data: encoded JPEG or PNG file.
            stamp_ns: stamp of the header and of the recording.
            frame_id: of the header.
            image_format: such as 'jpeg' or 'rgb8; jpeg compressed bgr8'.
        """
        message = self.create(
            COMPRESSED_IMAGE_TYPE,
            header=self.header(stamp_ns, frame_id),
            format=image_format,
            data=np.frombuffer(data, np.uint8),
        )
        self.write_message(topic, stamp_ns, message)

    def close(self) -> None:
        """Complete the recording and put it in its place.

        Raises:
            SourceError: when a message could not be written; what could be is kept.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
        try:
            self._thread.submit(self._writer.close).result()
        finally:
            self._thread.shutdown()
        if self.path.is_dir():
            shutil.rmtree(self.path)
        written = self._writer.path
        if self._single_file:
            written = written / f'{written.name}{self.path.suffix}'
        written.replace(self.path)
        shutil.rmtree(self._partial, ignore_errors=True)
        self._raise_error()

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        """Close, also after an error: what was recorded up to it is kept."""
        self.close()


def _may_replace(folder: Path) -> bool:
    entries = list(folder.iterdir())
    return not entries or any(
        entry.name == 'metadata.yaml' or entry.suffix in _SUFFIX_STORAGE for entry in entries
    )
