# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Rendered clips of the kinds that training leaves out, as a data set to measure on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from surgsam2_ros.drawing import label_palette
from surgsam2_ros.sources import write_label_png
from surgsam2_ros.synthesis import HARD_KINDS, render_clip

SEED = 2_000_001
FRAMES = 16
SIZE = 256


def write_hard_clips(root: Path, per_kind: int, seed: int = SEED) -> None:
    """Render clips of every hard kind into a data set of the VOS layout.

    The clips KIND_0, KIND_1, ... have 16 frames of 256x256; each depends on the seed and its
    number alone. Clips that are there already stay.

    Args:
        root: data set folder, created when missing.
        per_kind: clips of each of `HARD_KINDS`.
        seed: one that no training uses.
    """
    palette = label_palette()
    for row, kind in enumerate(HARD_KINDS):
        for number in range(per_kind):
            images = root / 'JPEGImages' / f'{kind}_{number}'
            annotations = root / 'Annotations' / f'{kind}_{number}'
            if images.is_dir():
                continue
            rng = np.random.default_rng([seed, row, number])
            frames, labels = render_clip(rng, FRAMES, SIZE, kinds=(kind,))
            unfinished = images.with_name(f'.{images.name}')  # folders with a dot are no videos
            for folder in (unfinished, annotations):
                folder.mkdir(parents=True, exist_ok=True)
            for index, (rgb, label) in enumerate(zip(frames, labels, strict=True)):
                cv2.imwrite(str(unfinished / f'{index:05d}.png'), rgb[..., ::-1])
                write_label_png(annotations / f'{index:05d}.png', label, palette)
            unfinished.rename(images)
