# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The semi-synthetic clip that comes with the repository, as a bag."""

from __future__ import annotations

from pathlib import Path

from repository import SHIPPED

from surgsam2_ros.sources import BagWriter, read_label_png

IMAGES, TRUTH = '/endoscope/left/image_raw/compressed', '/endoscope/left/ground_truth'
FRAME_ID = 'endoscope_left_optical'
START_NS, PERIOD_NS = 1_700_000_000_000_000_000, 66_666_667
CLIP = SHIPPED / 'endoscope_clip'
FRAMES = 12
SIZE = (256, 320)
"""(H, W)."""


def write_recorded_bag(path: Path) -> Path:
    """Write the clip's JPEG files as they are, with the truth; returns the path."""
    with BagWriter(path) as bag:
        for index in range(FRAMES):
            name = f'{index:05d}'
            header = {'stamp_ns': START_NS + index * PERIOD_NS, 'frame_id': FRAME_ID}
            jpeg = (CLIP / 'JPEGImages' / 'two_tools' / f'{name}.jpg').read_bytes()
            bag.write_compressed_image(IMAGES, jpeg, image_format='jpeg', **header)
            labels = read_label_png(CLIP / 'Annotations' / 'two_tools' / f'{name}.png')
            bag.write_image(TRUTH, labels, encoding='mono8', **header)
    return path
