# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The bag that is labelled: a rendered scene that goes to and fro, darker by a grey level a time.

So every frame has pixels of its own, as those of a camera have, and is drawn only once.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from surgsam2_ros.live.scene_files import FIRST_STAMP_NS, FRAME_ID, JPEG_QUALITY
from surgsam2_ros.live.scene_topics import IMAGE_TOPIC
from surgsam2_ros.sources import BagWriter
from surgsam2_ros.sources.image_encodings import encode_jpeg
from surgsam2_ros.synthesis import render_scene

SIZE = (512, 640)
INSTRUMENTS = ('needle_driver', 'grasper')
RATE_HZ = 15.0
DRAWN = 300
_SEED = 11
_LEAST_PIXELS = 600


class Scene:
    """What there is to see in each frame of the bag.

    Attributes:
        frames: of the bag.
    """

    def __init__(self, frames: int, drawn: int = DRAWN) -> None:
        """Draw so many different pictures."""
        self.frames = frames
        pictures = list(render_scene(_SEED, min(drawn, frames), SIZE, INSTRUMENTS, RATE_HZ))
        self._pictures = [rgb for rgb, _ in pictures]
        self._labels = [labels for _, labels in pictures]

    def write(self, path: Path) -> None:
        """Write the bag, and let go of the pictures."""
        with BagWriter(path, overwrite=True) as bag:
            for frame in range(self.frames):
                turn, place = self._place(frame)
                data = encode_jpeg(cv2.subtract(self._pictures[place], (turn,) * 4), JPEG_QUALITY)
                stamp_ns = FIRST_STAMP_NS + round(frame * 1e9 / RATE_HZ)
                bag.write_compressed_image(
                    f'{IMAGE_TOPIC}/compressed',
                    data,
                    stamp_ns=stamp_ns,
                    frame_id=FRAME_ID,
                    image_format='jpeg',
                )
        self._pictures.clear()

    def truth(self, frame: int, instrument: int) -> np.ndarray | None:
        """Return where an instrument (1, 2) is, bool [H, W]; None where too little is seen."""
        _, place = self._place(frame)
        mask = self._labels[place] == instrument
        return mask if mask.sum() >= _LEAST_PIXELS else None

    def _place(self, frame: int) -> tuple[int, int]:
        """Return how often the scene has turned, and which of its pictures a frame shows."""
        steps = max(len(self._labels) - 1, 1)
        turn, step = divmod(frame, steps)
        return turn, step if turn % 2 == 0 else steps - step


def inside(mask: np.ndarray) -> tuple[float, float]:
    """Return the pixel (x, y) that lies deepest in a mask."""
    depth = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(x) + 0.5, float(y) + 0.5


def around(mask: np.ndarray, margin: float = 4.0) -> tuple[float, float, float, float]:
    """Return the box (x0, y0, x1, y1) about a mask, inside the picture."""
    (rows,), (columns,) = np.nonzero(mask.any(1)), np.nonzero(mask.any(0))
    height, width = mask.shape
    return (
        max(columns[0] - margin, 1.0),
        max(rows[0] - margin, 1.0),
        min(columns[-1] + margin, width - 2.0),
        min(rows[-1] + margin, height - 2.0),
    )
