# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes the held-out clips of real pixels as a VOS folder.

    python -m surgsam2_ros.training.hold_out DATA OUTPUT [--leaving]
    surgsam2 evaluate --board --input OUTPUT --model models/surgsam2_nano_320.yaml

Weights and thresholds are chosen on them instead of on the boards of real video.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import cv2

from surgsam2_ros.drawing import label_palette
from surgsam2_ros.sources import write_label_png
from surgsam2_ros.training.clip_sources import DataSource
from surgsam2_ros.training.composed_clips import listed_clips

_FRAMES, _SIZE = 20, 480
_JPEG_QUALITY = 97
_CUTOUTS = ('surgical_cutouts', 'lap_stanford_masks', 'tools_seg')
_TISSUE = ('lap_stanford_backgrounds', 'polypgen')


def held_out_sources() -> dict[str, DataSource]:
    """Return the 54 composed clips and 14 moving stills that the shipped network is chosen on."""
    composed = DataSource(
        'composed',
        num_clips=30,
        clip_length=_FRAMES,
        hold_out='valid',
        cutouts=_CUTOUTS,
        tissue=_TISSUE,
    )
    stills = DataSource(
        'stills', path='lap_stanford_masks', num_clips=14, clip_length=_FRAMES, hold_out='valid'
    )
    harsh = replace(composed, num_clips=12, articulated=0.7, grey=0.7, hollows=0.7)
    metal = replace(harsh, hollows=0.4, machined=1.0, speckled=0.8)
    return {'composed': composed, 'stills': stills, 'harsh': harsh, 'metal': metal}


def leaving_sources() -> dict[str, DataSource]:
    """Return 16 composed clips in which most tools leave, mostly beside others of their kind."""
    composed = held_out_sources()['composed']
    return {'leaving': replace(composed, num_clips=16, leaving=0.8, alike=0.9)}


def write_clips(
    sources: Mapping[str, DataSource], data_root: Path, output: Path, size: int = _SIZE
) -> list[str]:
    """Write listed clips as JPEGImages/ and Annotations/, one folder each.

    Args:
        sources: by what their clips are called; of type composed or stills, with num_clips.
        data_root: folder of the training pictures.
        output: folder, made when it is missing.
        size: side of the images in pixels.

    Returns:
        names of the clips.

    Raises:
        FileNotFoundError, SourceError: as `open_maker`.
    """
    names, palette = [], label_palette()
    for title, source in sources.items():
        for number, clip in enumerate(listed_clips(source, data_root, size)):
            name = f'{title}_{number:03d}'
            images, labels = output / 'JPEGImages' / name, output / 'Annotations' / name
            for folder in (images, labels):
                folder.mkdir(parents=True, exist_ok=True)
            for frame in range(len(clip)):
                bgr = cv2.cvtColor(clip.image(frame), cv2.COLOR_RGB2BGR)
                path = str(images / f'{frame:05d}.jpg')
                cv2.imwrite(path, bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
                write_label_png(labels / f'{frame:05d}.png', clip.labels(frame), palette)
            names.append(name)
    return names


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog='python -m surgsam2_ros.training.hold_out', description=__doc__.split('\n')[0]
    )
    parser.add_argument('data', type=Path, help='folder of the training pictures')
    parser.add_argument('output', type=Path, help='VOS folder to write')
    parser.add_argument(
        '--leaving', action='store_true', help='write the clips in which tools leave instead'
    )
    options = parser.parse_args(arguments)
    sources = leaving_sources() if options.leaving else held_out_sources()
    write_clips(sources, options.data, options.output)


if __name__ == '__main__':
    main()
