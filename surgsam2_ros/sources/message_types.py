# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Definitions of ROS messages without ROS: the standard ones, ours and what is installed here."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

IMAGE_TYPE = 'sensor_msgs/msg/Image'
COMPRESSED_IMAGE_TYPE = 'sensor_msgs/msg/CompressedImage'
IMAGE_TYPES = (IMAGE_TYPE, COMPRESSED_IMAGE_TYPE)

_REPOSITORY = Path(__file__).resolve().parents[2]


class UnknownTypeError(LookupError):
    """A message type whose definition is nowhere to be found."""


def create_typestore() -> Typestore:
    """Return a type store with the messages of a ROS installation; `ensure_type` adds others."""
    return get_typestore(Stores.ROS2_KILTED)


def ensure_type(store: Typestore, type_name: str) -> None:
    """Make `type_name` and all it is made of known to the store.

    The .msg file is looked for in the shares of the installed packages (AMENT_PREFIX_PATH, then the
    Python environment) and in this repository.

    Args:
        store: store to add to.
        type_name: full name, such as 'surgsam2_msgs/msg/TrackArray'.

    Raises:
        UnknownTypeError: when no definition is found.
    """
    if type_name in store.fielddefs:
        return
    path = _definition_file(type_name)
    if path is None:
        raise UnknownTypeError(
            f"message type '{type_name}' is unknown: no .msg file for it in "
            f'{", ".join(map(str, _prefixes()))}; install or source the package that defines it'
        )
    definitions = get_types_from_msg(path.read_text(encoding='utf-8'), type_name)
    for referenced in sorted(_referenced_types(definitions[type_name])):
        ensure_type(store, referenced)
    store.register(definitions)


def describe_type(store: Typestore, type_name: str) -> tuple[str, str]:
    """Return the full text definition and the RIHS01 hash of a message type.

    Raises:
        UnknownTypeError: when no definition is found.
    """
    ensure_type(store, type_name)
    return store.generate_msgdef(type_name, ros_version=2)[0], store.hash_rihs01(type_name)


def peek_header(cdr: bytes | memoryview) -> tuple[int, str]:
    """Read stamp [ns] and frame_id of a serialised message whose first field is a Header.

    Raises:
        ValueError: when the bytes are too short for a header.
    """
    order = '<' if len(cdr) > 1 and cdr[1] & 1 else '>'
    try:
        seconds, nanoseconds, length = struct.unpack_from(f'{order}iII', cdr, 4)
    except struct.error:
        raise ValueError(f'{len(cdr)} bytes cannot hold a message with a header') from None
    if 16 + length > len(cdr):
        raise ValueError(f'a frame_id of {length} bytes does not fit into {len(cdr)} bytes')
    frame_id = bytes(cdr[16 : 16 + max(length - 1, 0)]).decode('utf-8', 'replace')
    return seconds * 1_000_000_000 + nanoseconds, frame_id


def _prefixes() -> list[Path]:
    ament = os.environ.get('AMENT_PREFIX_PATH', '')
    return [Path(prefix) for prefix in ament.split(os.pathsep) if prefix] + [Path(sys.prefix)]


def _definition_file(type_name: str) -> Path | None:
    package, _, name = type_name.partition('/msg/')
    candidates = [prefix / 'share' / package / 'msg' / f'{name}.msg' for prefix in _prefixes()]
    candidates.append(_REPOSITORY / package / 'msg' / f'{name}.msg')
    return next((path for path in candidates if name and path.is_file()), None)


def _referenced_types(definition: tuple) -> set[str]:
    """Names of the message types that the fields of a rosbags definition refer to."""
    names: set[str] = set()
    pending = [field[1] for field in definition[1]]
    while pending:
        node, value = pending.pop()
        if node.name == 'NAME':
            names.add(value)
        elif node.name in ('ARRAY', 'SEQUENCE'):
            pending.append(value[0])
    return names
