# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a recording looks like from outside."""

from __future__ import annotations

from pathlib import Path

BAG_SUFFIXES = ('.mcap', '.db3')


def is_bag(path: Path) -> bool:
    """Tell whether `path` looks like a recording: a storage file, or a directory with one."""
    if path.is_dir():
        return (path / 'metadata.yaml').exists() or any(
            _is_storage_file(entry) for entry in path.iterdir()
        )
    return _is_storage_file(path) or path.suffix == '.bag'


def _is_storage_file(path: Path) -> bool:
    return path.name.removesuffix('.zstd').endswith(BAG_SUFFIXES)
