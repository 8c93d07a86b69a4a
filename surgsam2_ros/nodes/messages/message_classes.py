# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Finds the Python class of a message type by its name."""

from __future__ import annotations

import importlib
from typing import Any


def load_message_class(type_name: str) -> Any:
    """Return the class of a message type such as 'sensor_msgs/msg/Image'.

    Raises:
        LookupError: when the type is not installed here.
    """
    package, _, name = type_name.partition('/msg/')
    try:
        return getattr(importlib.import_module(f'{package}.msg'), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise LookupError(
            f"message type '{type_name}' is not installed; install or source the package {package}"
        ) from error
