# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Makes the scenes of the demo, and shows how far that is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from surgsam2_ros.commands.progress import Progress

if TYPE_CHECKING:
    from surgsam2_ros.live.demo_scenes import DemoScene


def scene_bag(scene: DemoScene, folder: Path) -> Path:
    """Make a bag of a scene in a folder, unless that was done before."""
    from surgsam2_ros.live.scene_files import write_bag

    path = folder / scene.file_name
    if not path.exists():
        with Progress(scene.frames, f'making the {scene.name} scene') as progress:
            write_bag(scene.make(), path, raw=True, on_frame=progress.update)
    return path
