# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes pictures of tissue without instruments that a detector's false alarms are counted on.

    python -m surgsam2_ros.training.detector.tissue CONFIG DATA OUTPUT
    surgsam2 detect --tissue OUTPUT/stills OUTPUT/drawn

`stills` are the held-out pictures as they are, `drawn` what the training makes of such pictures:
moved, lit otherwise, in part without colour. `seen` are the pictures that are trained on.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from surgsam2_ros.synthesis.composing import tissue_clip
from surgsam2_ros.training.detector.config import DetectorConfig, detector_config
from surgsam2_ros.training.detector.pictures import open_empty
from surgsam2_ros.training.settings import read_settings

_DRAWN, _SIZE = 200, 320


def write_tissue(config: DetectorConfig, output: Path, drawn: int = _DRAWN) -> None:
    """Write the pictures, `drawn` of them drawn.

    Raises:
        FileNotFoundError, SourceError, ValueError: naming what is missing.
    """
    root = config.root / config.data_root
    makers = [open_empty(source, root) for source in config.validation_empty]
    seen = [
        open_empty(replace(source, hold_out='train'), root) for source in config.validation_empty
    ]
    for name, sources in (('stills', makers), ('seen', seen)):
        paths = sorted({path for maker in sources for path in maker.material.tissues.paths})
        (output / name).mkdir(parents=True, exist_ok=True)
        for path in paths:
            shutil.copyfile(path, output / name / f'{path.parent.parent.name}_{path.name}')
    (output / 'drawn').mkdir(parents=True, exist_ok=True)
    for number in range(drawn):
        rng = np.random.default_rng((number, 2))
        maker = makers[int(rng.integers(len(makers)))]
        rgb = tissue_clip(rng, 1, _SIZE, maker.material)[0]
        cv2.imwrite(str(output / 'drawn' / f'{number:03d}.png'), rgb[..., ::-1])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog='python -m surgsam2_ros.training.detector.tissue',
        description=__doc__.split('\n')[0],
    )
    parser.add_argument('config', type=Path, help='YAML of a detector, such as nano_320_detector')
    parser.add_argument('data', type=Path, help='folder of the training pictures')
    parser.add_argument('output', type=Path, help='folder to write')
    options = parser.parse_args(arguments)
    values, root = read_settings(options.config, [f'data_root={options.data}'])
    write_tissue(detector_config(values, root), options.output)


if __name__ == '__main__':
    main()
