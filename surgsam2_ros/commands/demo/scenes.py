# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The scenes that a demo shows where no bag is given: one of real pixels, one that is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from surgsam2_ros.commands.progress import Progress

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


SCENES = {
    scene.name: scene
    for scene in (
        DemoScene('composed', 'composed of real pictures', seconds=5, rate_hz=30.0),
        DemoScene('rendered', 'rendered', seconds=10, rate_hz=15.0),
    )
}
"""By name, in the order in which they are shown."""


def scene_bag(scene: DemoScene, folder: Path) -> Path:
    """Make a bag of a scene in a folder, unless that was done before."""
    from surgsam2_ros.commands.render import write_bag
    from surgsam2_ros.commands.shipped_scene import shipped_scene
    from surgsam2_ros.synthesis import render_scene

    path = folder / f'scene_{_SEED}_v{_VERSION}.mcap'
    if path.exists():
        return path
    if scene.name == 'composed':
        frames = shipped_scene(_SEED, scene.frames, _SIZE, scene.rate_hz)
    else:
        frames = render_scene(_SEED, scene.frames, _SIZE, rate_hz=scene.rate_hz)
    with Progress(scene.frames, f'making the {scene.name} scene') as progress:
        write_bag(frames, path, raw=True, on_frame=progress.update)
    return path
