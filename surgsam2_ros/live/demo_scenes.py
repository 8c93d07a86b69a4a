# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The scenes that a demo shows where no bag is given: one of real pixels, one that is drawn.

The command line names them in its help, so what makes them is imported when they are made.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from surgsam2_ros.synthesis import Scene
    from surgsam2_ros.synthesis.composing import LongScene

FOLDER = 'resource/laparoscopy'
TISSUE = 'tissue.jpg'
# Kind, which is the name of the picture, and the column in which the shaft ends.
INSTRUMENTS = (('fenestrated_grasper', 124), ('grasper', 245))
_SEED = 7
_SIZE = (512, 640)
_VERSION = 1  # part of the scenes' file names; raise it when they are to be made anew


@dataclass(frozen=True)
class DemoScene:
    """A scene to show.

    Attributes:
        name: of the folder that its results go to.
        title: what it is, for people.
        seconds, rate_hz: its length and frame rate.
    """

    name: str
    title: str
    seconds: float
    rate_hz: float

    @property
    def frames(self) -> int:
        """Number of frames."""
        return round(self.seconds * self.rate_hz)

    @property
    def file_name(self) -> str:
        """Of its bag."""
        return f'scene_{_SEED}_v{_VERSION}.mcap'

    def make(self) -> Scene | LongScene:
        """Return the scene, to be rendered frame by frame."""
        if self.name == 'composed':
            return shipped_scene(_SEED, self.frames, _SIZE, self.rate_hz)
        from surgsam2_ros.synthesis import render_scene

        return render_scene(_SEED, self.frames, _SIZE, rate_hz=self.rate_hz)


SCENES = {
    scene.name: scene
    for scene in (
        DemoScene('composed', 'composed of real pictures', seconds=5, rate_hz=30.0),
        DemoScene('rendered', 'rendered', seconds=10, rate_hz=15.0),
    )
}
"""By name, in the order in which they are shown."""


def shipped_scene(seed: int, frames: int, size: tuple[int, int], rate_hz: float) -> LongScene:
    """Compose a scene of the pictures that come with the package, see `compose_scene`.

    Raises:
        ValueError: when frames, size or rate are impossible.
        FileNotFoundError: when the pictures are not installed.
        OSError: when one of them cannot be read.
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

    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] != channels:
        raise OSError(f'{path} is no picture of {channels} channels; install it again')
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB if channels == 3 else cv2.COLOR_BGRA2RGBA)
