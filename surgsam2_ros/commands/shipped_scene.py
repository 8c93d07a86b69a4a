# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The scene that is composed of the photographs in resource/laparoscopy/."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from surgsam2_ros.synthesis.composing import LongScene

FOLDER = 'resource/laparoscopy'
TISSUE = 'tissue.jpg'
# Kind, which is the name of the picture, and the column in which the shaft ends.
INSTRUMENTS = (('fenestrated_grasper', 124), ('grasper', 245))


def shipped_scene(seed: int, frames: int, size: tuple[int, int], rate_hz: float) -> LongScene:
    """Compose a scene of the pictures that come with the package, see `compose_scene`.

    Raises:
        ValueError: when frames, size or rate are impossible.
        FileNotFoundError: when the pictures are not installed.
        CommandError: when one of them cannot be read.
    """
    from surgsam2_ros.share import share_file
    from surgsam2_ros.synthesis.composing import InstrumentPicture, compose_scene

    instruments = [
        InstrumentPicture(_read(share_file(f'{FOLDER}/{kind}.png'), 4), kind, shaft_end)
        for kind, shaft_end in INSTRUMENTS
    ]
    tissue = _read(share_file(f'{FOLDER}/{TISSUE}'), 3)
    return compose_scene(seed, frames, size, tissue, instruments, rate_hz)


def _read(path: Path, channels: int) -> np.ndarray:
    """Read uint8 [h, w, channels], RGB or RGBA."""
    import cv2

    from surgsam2_ros.commands import CommandError

    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] != channels:
        raise CommandError(f'{path} is no picture of {channels} channels; install it again')
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB if channels == 3 else cv2.COLOR_BGRA2RGBA)
