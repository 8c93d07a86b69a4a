# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The file that a training is resumed from, and the refusal of folders that do not fit."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError

STATE = 'state.pt'


class OutputFolderError(RuntimeError):
    """An output folder that holds a training, or none that can be resumed."""


def require_unused(output: Path, *, resume: bool) -> None:
    """Refuse a folder that holds a training which is not to be resumed.

    Raises:
        OutputFolderError: when that is so.
    """
    if (output / STATE).exists() and not resume:
        raise OutputFolderError(
            f'{output} holds a training; go on with it with --resume, or choose another --output'
        )


@contextlib.contextmanager
def reading_state(path: Path) -> Iterator[None]:
    """Refuse a state that cannot be read, or does not fit, in the block.

    Raises:
        OutputFolderError: naming the file, the reason and the remedy.
    """
    try:
        yield
    except (UnpicklingError, RuntimeError, ValueError, KeyError, EOFError) as error:
        raise OutputFolderError(
            f'{path} does not fit this configuration ({str(error).splitlines()[0]}); resume '
            'with the settings it was begun with, or choose another --output'
        ) from error
