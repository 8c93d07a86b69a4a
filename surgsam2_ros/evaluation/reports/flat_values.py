# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Settings in groups as one flat list, for tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def flattened(values: Mapping[str, Any], before: str = '') -> dict[str, Any]:
    """Return the values of groups by dotted names: {'a': {'b': 1}} becomes {'a.b': 1}.

    Args:
        values: by name; may hold groups.
        before: put before every name.
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= flattened(value, f'{before}{key}.')
        else:
            found[f'{before}{key}'] = value
    return found
