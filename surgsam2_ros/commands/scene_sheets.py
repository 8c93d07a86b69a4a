# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of what can be rendered and composed, for `surgsam2 render` and the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.progress import Progress

if TYPE_CHECKING:
    import numpy as np

SHEET_SUFFIXES = ('.jpg', '.png')
_SHEET_QUALITY = 82


def write_sheet(seed: int, path: Path, *, overwrite: bool = False) -> int:
    """Draw the contact sheet of all instruments and kinds into a picture; returns 0.

    Raises:
        CommandError: when the picture exists.
    """
    from surgsam2_ros.synthesis.contact_sheet import contact_sheet, sheet_tiles

    _refuse_existing(path, overwrite)
    with Progress(sheet_tiles(), 'rendering') as progress:
        sheet = contact_sheet(seed, progress.update)
    _write_picture(path, sheet)
    print(f'contact sheet of seed {seed} in {path}')
    return 0


def write_composed_sheet(data_root: Path, seed: int, path: Path, *, overwrite: bool = False) -> int:
    """Draw composed clips and moving stills with their outlines into a picture; returns 0.

    Raises:
        CommandError: when the picture exists, or a folder of pictures is missing.
    """
    from surgsam2_ros.sources import SourceError
    from surgsam2_ros.training.clip_sheet import composed_sheet, sheet_clips

    _refuse_existing(path, overwrite)
    try:
        with Progress(sheet_clips(), 'composing') as progress:
            sheet = composed_sheet(data_root, seed, progress.update)
    except (FileNotFoundError, SourceError) as error:
        raise CommandError(str(error)) from error
    _write_picture(path, sheet)
    print(f'composed clips of seed {seed} in {path}')
    return 0


def _refuse_existing(path: Path, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise CommandError(f'{path} exists already; choose another name or --overwrite')


def _write_picture(path: Path, rgb: np.ndarray) -> None:
    import cv2

    options = [cv2.IMWRITE_JPEG_QUALITY, _SHEET_QUALITY] if path.suffix == '.jpg' else []
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, rgb[..., ::-1], options)[1].tobytes())
