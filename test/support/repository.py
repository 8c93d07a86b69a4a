# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where the repository lies, and recorded data: some in it, more that may lie beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
SHIPPED = REPO / 'test' / 'data'
DATA = REPO.parent / 'shared' / 'data'


def shared_data(relative: str = '.') -> Path:
    """Return the path of recorded test data, or skip the calling test when it is not there.

    Args:
        relative: file or folder below the data folder, e.g. `'bags/two_tools.mcap'`.
    """
    places = (SHIPPED / relative, DATA / relative)
    path = next((place for place in places if place.exists()), None)
    if path is None:
        pytest.skip(f'recorded data {relative!r} is not beside the repository (../shared/data)')
    return path
