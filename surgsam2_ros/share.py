# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Finds the files that travel with the package (models, config, launch) in every kind of install.

Works in the source tree, after `pip install` and after `colcon build`, without ROS and without any
environment variable.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

PACKAGE = 'surgsam2_ros'


def share_folder() -> Path:
    """Return the folder that holds `models/`, `config/`, `launch/` and `package.xml`.

    In the source tree and in editable installs this is the repository, elsewhere
    `<prefix>/share/surgsam2_ros`.

    Raises:
        FileNotFoundError: when the package was installed without its share files.
    """
    looked_at = []
    for folder in _candidates():
        if (folder / 'package.xml').is_file():
            return folder
        looked_at.append(str(folder))
    raise FileNotFoundError(
        f'the share files of {PACKAGE} are missing; looked at {", ".join(looked_at)}. '
        'Install the package again with `pip install .` or `colcon build`.'
    )


def share_file(name: str | os.PathLike[str]) -> Path:
    """Return the path of a file that travels with the package.

    Args:
        name: path below the share folder, e.g. `'models/surgsam2_nano.yaml'`.

    Raises:
        FileNotFoundError: when there is no such file or folder.
    """
    folder = share_folder()
    path = folder / name
    if path.exists():
        return path
    wanted = Path(name)
    siblings = sorted(entry.name for entry in (folder / wanted.parent).glob(f'*{wanted.suffix}'))
    there = ', '.join(siblings) or 'nothing alike'
    raise FileNotFoundError(f'{str(name)!r} is not in {folder}; there is {there}')


def _candidates() -> Iterator[Path]:
    """Yield where the share folder may be, nearest to this file first."""
    package = Path(__file__).resolve().parent
    yield package.parent
    for prefix in package.parents:
        yield prefix / 'share' / PACKAGE
    for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep):
        if prefix:
            yield Path(prefix) / 'share' / PACKAGE
