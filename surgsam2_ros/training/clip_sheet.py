# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A picture of training clips composed of real pixels, with the outlines of their truth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from surgsam2_ros.drawing import contact_sheet, draw_contour, instance_colour
from surgsam2_ros.training.clip_sources import DataSource
from surgsam2_ros.training.composed_clips import open_maker

_COMPOSED_CLIPS, _STILL_CLIPS = 12, 6
_FRAMES = (0, 2, 4)
_CLIP_LENGTH, _CLIP_SIZE, _TILE_WIDTH = 5, 256, 128


def sheet_clips() -> int:
    """Return how many clips `composed_sheet` makes."""
    return _COMPOSED_CLIPS + _STILL_CLIPS


def composed_sheet(
    data_root: Path, seed: int, on_clip: Callable[[int], None] = lambda done: None
) -> np.ndarray:
    """Draw frames of composed clips and of stills that move.

    Only folders whose licences (CC BY 4.0, MIT) let the picture be passed on are shown.

    Args:
        data_root: folder of the pictures that clips are composed of.
        seed: of the clips.
        on_clip: called with the number of clips done.

    Returns:
        uint8 [H, W, 3] RGB.

    Raises:
        FileNotFoundError, SourceError: when a folder of pictures is missing or holds none.
    """
    cutouts, tissue = ('surgical_cutouts',), ('lap_stanford_backgrounds', 'polypgen')
    composed = open_maker(DataSource('composed', cutouts=cutouts, tissue=tissue), data_root)
    stills = open_maker(DataSource('stills', 'lap_stanford_masks'), data_root)
    images, captions = [], []
    makers = [(composed, 'composed')] * _COMPOSED_CLIPS + [(stills, 'still')] * _STILL_CLIPS
    for number, (maker, name) in enumerate(makers):
        clip = maker.make(np.random.default_rng([seed, number]), _CLIP_LENGTH, _CLIP_SIZE)
        for frame in _FRAMES:
            images.append(_outlined(clip[0][frame], clip[1][frame]))
            captions.append(f'{name} {number}: {frame}')
        on_clip(number + 1)
    columns = 3 * len(_FRAMES)
    return contact_sheet(images, captions, columns=columns, tile_width=_TILE_WIDTH)


def _outlined(rgb: np.ndarray, labels: np.ndarray) -> np.ndarray:
    outlined = rgb.copy()
    for label in range(1, int(labels.max()) + 1):
        draw_contour(outlined, labels == label, instance_colour(label), halo=False)
    return outlined
