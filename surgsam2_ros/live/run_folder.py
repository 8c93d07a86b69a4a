# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The folder of a run that begins anew each time."""

from __future__ import annotations

import shutil
from pathlib import Path

from surgsam2_ros.live import LiveError


def begin_folder(folder: Path, report: str) -> None:
    """Make an empty folder, in place of that of a run before.

    Args:
        folder: named by a user, so it may be any.
        report: name of the file by which a folder of such a run is known; it is there from now on.

    Raises:
        LiveError: when the folder holds something else; nothing was removed.
    """
    if folder.is_file() or (
        folder.is_dir() and any(folder.iterdir()) and not (folder / report).is_file()
    ):
        raise LiveError(
            f'--output {folder} holds something, but no {report} of a run before; name a new or '
            'empty folder, or remove it'
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / report).write_text('{}\n', encoding='utf-8')
