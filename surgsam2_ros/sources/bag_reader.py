# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Reads rosbag2 recordings of every kind (mcap, sqlite3, split, compressed) as raw messages."""

from __future__ import annotations

import heapq
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from surgsam2_ros.sources.bag_files import BAG_SUFFIXES
from surgsam2_ros.sources.frame_source import SourceError
from surgsam2_ros.sources.message_types import (
    IMAGE_TYPES,
    create_typestore,
    describe_type,
    ensure_type,
)

try:
    from compression import zstd
except ImportError:
    from backports import zstd


class BagMessage(NamedTuple):
    """One recorded message: topic, type name, time of recording [ns] and its serialised bytes."""

    topic: str
    type_name: str
    stamp_ns: int
    data: bytes


class TopicInfo(NamedTuple):
    """One topic of a bag: name, type, number of messages, offered QoS profiles (rosbags `Qos`)."""

    name: str
    type_name: str
    count: int
    qos: tuple


class BagReader:
    """A recording opened for reading; use it in a `with` statement or call `close`.

    Each storage file is read by itself. The metadata, which a recording may lack, is believed only
    where the files cannot tell: their order, compression and serialisation format.

    Attributes:
        path: directory or file given.
        name: name of the recording.
        storage: 'mcap' or 'sqlite3'.
        files: storage files in playing order.
        topics: TopicInfo by topic name.
        start_ns, end_ns: times of the first and the last message; both 0 when there are none.
        message_count: messages of all topics.
    """

    def __init__(self, path: str | Path) -> None:
        """Open the recording.

        Raises:
            SourceError: when it is missing, incomplete, damaged or of an unknown format.
        """
        self.path = Path(path)
        self.name = self.path.resolve().name.removesuffix('.zstd').removesuffix(self.path.suffix)
        self.typestore = create_typestore()
        self._stack = ExitStack()
        self._readers: list[Reader] = []
        self._message_compression = False
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        if not self.path.exists():
            raise SourceError(f'bag {self.path} does not exist')
        if self.path.suffix == '.bag':
            raise SourceError(
                f'{self.path} is a ROS 1 bag; convert it with '
                f'`rosbags-convert --src {self.path} --dst {self.path.with_suffix("")}`'
            )
        metadata = _read_metadata(self.path) if self.path.is_dir() else {}
        self._message_compression = (metadata.get('compression_mode') or '').lower() == 'message'
        self.files = _storage_files(self.path, metadata)
        suffixes = {path.name.removesuffix('.zstd').rpartition('.')[2] for path in self.files}
        if len(suffixes) > 1:
            raise SourceError(
                f'bag {self.path} mixes storage formats ({", ".join(sorted(suffixes))}); '
                'give one of its files instead'
            )
        self.storage = 'mcap' if suffixes == {'mcap'} else 'sqlite3'
        self._readers = [self._open_file(path) for path in self.files]
        if not metadata:
            self._readers.sort(key=lambda reader: reader.start_time)
        self._collect(metadata)

    def _open_file(self, path: Path) -> Reader:
        if path.stat().st_size == 0:
            raise SourceError(f'bag file {path} is empty (0 bytes)')
        log = path.with_name(f'{path.name}-wal')
        if log.exists() and log.stat().st_size:
            raise SourceError(
                f'bag file {path} was not closed: part of it is still in {log.name}; merge it with '
                f"`sqlite3 {path} 'PRAGMA wal_checkpoint(TRUNCATE)'`"
            )
        plain = self._decompressed(path)
        try:
            reader = Reader(plain)
            reader.open()
        except Exception as error:  # the parser raises many kinds of errors on damaged files
            raise SourceError(_damage(path, error)) from error
        self._stack.callback(reader.close)
        return reader

    def _decompressed(self, path: Path) -> Path:
        if path.suffix != '.zstd':
            return path
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix='surgsam2_bag_'))
        plain = Path(folder) / path.stem
        try:
            with zstd.open(path, 'rb') as source, plain.open('wb') as target:
                shutil.copyfileobj(source, target)
        except (zstd.ZstdError, EOFError) as error:
            raise SourceError(f'bag file {path} cannot be decompressed: {error}') from error
        return plain

    def _collect(self, metadata: dict[str, Any]) -> None:
        """Sum up the topics of all files, after refusing what is not CDR."""
        listed = metadata.get('topics_with_message_count') or []
        formats = {topic['topic_metadata'].get('serialization_format', 'cdr') for topic in listed}
        connections = [c for reader in self._readers for c in reader.connections]
        formats.update(connection.ext.serialization_format for connection in connections)
        if unknown := sorted(formats - {'cdr', ''}):
            raise SourceError(
                f"bag {self.path} is serialised as '{unknown[0]}'; only 'cdr' can be read. "
                f'Convert it with `ros2 bag convert` (output_serialization_format: cdr)'
            )
        # Topics without messages appear in the metadata alone.
        self.topics: dict[str, TopicInfo] = {
            topic['topic_metadata']['name']: TopicInfo(
                topic['topic_metadata']['name'], topic['topic_metadata']['type'], 0, ()
            )
            for topic in listed
        }
        self._definitions: dict[str, tuple[str, str]] = {}
        for connection in connections:
            known = self.topics.get(connection.topic)
            if known is not None and known.count and known.type_name != connection.msgtype:
                raise SourceError(
                    f'topic {connection.topic} of bag {self.path} has messages of two types '
                    f'({known.type_name} and {connection.msgtype})'
                )
            self.topics[connection.topic] = TopicInfo(
                connection.topic,
                connection.msgtype,
                connection.msgcount + (known.count if known else 0),
                tuple(connection.ext.offered_qos_profiles) or (known.qos if known else ()),
            )
            if connection.msgdef.data:
                definition = (connection.msgdef.data, connection.digest)
                self._definitions.setdefault(connection.msgtype, definition)
        self.message_count = sum(reader.message_count for reader in self._readers)
        filled = [reader for reader in self._readers if reader.message_count]
        self.start_ns = min((reader.start_time for reader in filled), default=0)
        self.end_ns = max((reader.end_time - 1 for reader in filled), default=0)

    @property
    def duration_ns(self) -> int:
        """Time from the first to the last message in nanoseconds."""
        return self.end_ns - self.start_ns

    @property
    def size_bytes(self) -> int:
        """Size of the storage files in bytes."""
        return sum(path.stat().st_size for path in self.files)

    def image_topics(self) -> list[TopicInfo]:
        """Topics with raw or compressed images that hold at least one message."""
        return [t for t in self.topics.values() if t.type_name in IMAGE_TYPES and t.count]

    def require_topic(self, topic: str) -> TopicInfo:
        """Return a topic's information.

        Raises:
            SourceError: when the bag does not have it; the message lists those it has.
        """
        if topic not in self.topics:
            raise SourceError(f'bag {self.path} has no topic {topic}; it has {self.list_topics()}')
        return self.topics[topic]

    def list_topics(self) -> str:
        """One line that names every topic with its type and number of messages."""
        described = [f'{t.name} ({t.type_name}, {t.count})' for t in self.topics.values()]
        return ', '.join(sorted(described)) or 'no topics at all'

    def messages(
        self,
        topics: Collection[str] | None = None,
        *,
        start_ns: int | None = None,
        stop_ns: int | None = None,
    ) -> Iterator[BagMessage]:
        """Yield messages in the order of their time of recording.

        Args:
            topics: names of the topics wanted, all when None.
            start_ns, stop_ns: only messages recorded from `start_ns` on and before `stop_ns`; what
                lies outside is skipped by the storage's index, where it has one.

        Raises:
            SourceError: on an unknown topic, or when damaged data is met on the way.
        """
        for topic in topics or ():
            self.require_topic(topic)
        streams = [self._stream(reader, topics, start_ns, stop_ns) for reader in self._readers]
        yield from heapq.merge(*streams, key=lambda message: message.stamp_ns)

    def _stream(
        self,
        reader: Reader,
        topics: Collection[str] | None,
        start_ns: int | None,
        stop_ns: int | None,
    ) -> Iterator[BagMessage]:
        def wanted(connection: Connection) -> bool:
            return topics is None or connection.topic in topics

        connections = [c for c in reader.connections if wanted(c)]
        if not connections:
            return
        unpack: Callable[[bytes], bytes] = zstd.decompress if self._message_compression else bytes
        try:
            for connection, stamp_ns, data in reader.messages(connections, start_ns, stop_ns):
                yield BagMessage(connection.topic, connection.msgtype, stamp_ns, unpack(data))
        except Exception as error:  # as above; what the consumer raises does not come here
            raise SourceError(_damage(reader.path, error)) from error

    def deserialize(self, message: BagMessage) -> Any:
        """Return the message as an object with the fields of its type (arrays as numpy views).

        Raises:
            SourceError: when the bytes do not fit the type.
            UnknownTypeError: when the type is defined nowhere on this machine.
        """
        ensure_type(self.typestore, message.type_name)
        try:
            return self.typestore.deserialize_cdr(message.data, message.type_name)
        except Exception as error:  # damaged bytes surface as whatever numpy or struct raise
            raise SourceError(
                f'a {message.type_name} on {message.topic} at {message.stamp_ns} ns in {self.path} '
                f'cannot be deserialised: {error}'
            ) from error

    def definition(self, type_name: str) -> tuple[str, str]:
        """Return text definition and RIHS01 hash of a type, as recorded, else as known here.

        Raises:
            UnknownTypeError: when the type is defined neither in the bag nor on this machine.
        """
        text, digest = self._definitions.get(type_name, ('', ''))
        if text and digest:
            return text, digest
        return describe_type(self.typestore, type_name)

    def close(self) -> None:
        """Close all files; a closed reader yields nothing more."""
        self._stack.close()
        self._readers = []

    def __enter__(self) -> BagReader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _read_metadata(folder: Path) -> dict[str, Any]:
    """Return the content of metadata.yaml; empty when the recording has none."""
    path = folder / 'metadata.yaml'
    if not path.exists():
        return {}
    remedy = f'repair it, or delete {path} to have the storage files read by themselves'
    try:
        metadata = YAML(typ='safe').load(path.read_text(encoding='utf-8'))
        information = metadata['rosbag2_bagfile_information']
        files = information['relative_file_paths']
    except (YAMLError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise SourceError(f'{path} is not the metadata of a bag ({error!r}); {remedy}') from error
    if not isinstance(files, list) or not files:
        raise SourceError(f'{path} names no storage files; {remedy}')
    if (storage := information.get('storage_identifier')) not in ('mcap', 'sqlite3'):
        raise SourceError(f"bag {folder} has storage '{storage}'; 'mcap' and 'sqlite3' can be read")
    compression = information.get('compression_format') or ''
    if compression not in ('', 'none', 'zstd'):
        raise SourceError(f"bag {folder} is compressed as '{compression}'; only 'zstd' can be read")
    return information


def _storage_files(path: Path, metadata: dict[str, Any]) -> list[Path]:
    if path.is_file():
        return [path]
    if metadata:
        # Before version 4 the paths were relative to the parent folder: the name alone counts.
        files = [path / PurePath(name).name for name in metadata['relative_file_paths']]
        if missing := [file.name for file in files if not file.exists()]:
            raise SourceError(
                f'bag {path} lacks {", ".join(missing)}, which its metadata.yaml lists; '
                'restore them, or delete metadata.yaml to read what is there'
            )
        return files
    files = [f for f in path.iterdir() if f.name.removesuffix('.zstd').endswith(BAG_SUFFIXES)]
    if not files:
        raise SourceError(f'{path} holds no bag: neither metadata.yaml nor .mcap or .db3 files')
    return sorted(files)


def _damage(path: Path | str, error: Exception) -> str:
    name = Path(path)
    if 'profile' in str(error).lower():
        return f'bag file {name} is no ROS 2 recording: {str(error).rstrip(".")}'
    if name.suffix == '.mcap':
        remedy = (
            f'if the recording was cut off, `mcap recover {name} -o repaired.mcap` saves the rest'
        )
    else:
        remedy = f'if the recording was cut off, `sqlite3 {name} .recover` saves the rest'
    detail = str(error) or type(error).__name__
    return f'bag file {name} is damaged or truncated: {detail.rstrip(".")}; {remedy}'
