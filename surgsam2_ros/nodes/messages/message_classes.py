# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Finds the Python class of a message type by its name, which a bag or another node may have given.

Nothing is imported but packages of messages: a name is no reason to run code.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path
from typing import Any

_TYPE_NAME = re.compile(r'([a-z][a-z0-9_]*)/msg/([A-Z][A-Za-z0-9]*)')


def load_message_class(type_name: str) -> Any:
    """Return the class of a message type such as 'sensor_msgs/msg/Image'.

    Raises:
        LookupError: when it is no name of a message type, or the type is not installed here.
    """
    match = _TYPE_NAME.fullmatch(type_name)
    if match is None:
        raise LookupError(f'{type_name!r} is not a message type such as sensor_msgs/msg/Image')
    package, name = match.groups()
    try:
        if not _has_messages(package):
            raise ImportError(f'{package} has no messages')
        return getattr(importlib.import_module(f'{package}.msg'), name)
    except (ImportError, AttributeError) as error:
        raise LookupError(
            f"message type '{type_name}' is not installed; install or source the package {package}"
        ) from error


def _has_messages(package: str) -> bool:
    """Tell whether a package has the libraries that rosidl generates, without importing it."""
    spec = importlib.util.find_spec(package)
    folders = (spec and spec.submodule_search_locations) or ()
    return any(any(Path(folder).glob(f'{package}_s__*')) for folder in folders)
