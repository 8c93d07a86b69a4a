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
_COMPOSED_CLIPS, _STILL_CLIPS = 12, 6
_COMPOSED_FRAMES = (0, 2, 4)


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
    """Draw frames of composed clips and moving stills with their outlines; returns 0.

    Only folders whose licences (CC BY 4.0, MIT) let the picture be passed on are shown.

    Raises:
        CommandError: when the picture exists, or a folder of pictures is missing.
    """
    import numpy as np

    from surgsam2_ros.drawing import contact_sheet
    from surgsam2_ros.sources import SourceError
    from surgsam2_ros.training.clip_sources import DataSource
    from surgsam2_ros.training.composed_clips import open_maker

    _refuse_existing(path, overwrite)
    cutouts, tissue = ('surgical_cutouts',), ('lap_stanford_backgrounds', 'polypgen')
    try:
        composed = open_maker(DataSource('composed', cutouts=cutouts, tissue=tissue), data_root)
        stills = open_maker(DataSource('stills', 'lap_stanford_masks'), data_root)
        images, captions = [], []
        makers = [(composed, 'composed')] * _COMPOSED_CLIPS + [(stills, 'still')] * _STILL_CLIPS
        with Progress(len(makers), 'composing') as progress:
            for number, (maker, name) in enumerate(makers):
                clip = maker.make(np.random.default_rng([seed, number]), 5, 256)
                for frame in _COMPOSED_FRAMES:
                    images.append(_outlined(clip[0][frame], clip[1][frame]))
                    captions.append(f'{name} {number}: {frame}')
                progress.update(number + 1)
    except (FileNotFoundError, SourceError) as error:
        raise CommandError(str(error)) from error
    columns = 3 * len(_COMPOSED_FRAMES)
    _write_picture(path, contact_sheet(images, captions, columns=columns, tile_width=128))
    print(f'composed clips of seed {seed} in {path}')
    return 0


def _outlined(rgb: np.ndarray, labels: np.ndarray) -> np.ndarray:
    from surgsam2_ros.drawing import draw_contour, instance_colour

    canvas = rgb.copy()
    for label in range(1, int(labels.max()) + 1):
        draw_contour(canvas, labels == label, instance_colour(label), halo=False)
    return canvas


def _refuse_existing(path: Path, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise CommandError(f'{path} exists already; choose another name or --overwrite')


def _write_picture(path: Path, rgb: np.ndarray) -> None:
    import cv2

    options = [cv2.IMWRITE_JPEG_QUALITY, _SHEET_QUALITY] if path.suffix == '.jpg' else []
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, rgb[..., ::-1], options)[1].tobytes())
