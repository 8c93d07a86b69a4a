# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Makes the pictures of the demo that the documents show, of what `make demo SCENE=composed` wrote.

    python docs/tools/demo_pictures.py

`docs/images/demo.webp`, the moving one, has every third frame of the overlay; `demo.jpg` is the
contact sheet.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

EVERY = 3
SIZE = (480, 384)
"""(width, height) of the moving picture."""


def frames(video: Path) -> Iterator[np.ndarray]:
    """Yield every third frame of a video, uint8 [H, W, 3] RGB."""
    reader = cv2.VideoCapture(str(video))
    number = 0
    while True:
        found, image = reader.read()
        if not found:
            return
        if number % EVERY == 0:
            small = cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA)
            yield cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
        number += 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Write both pictures; returns 0, or 1 when the demo has not run."""
    parser = argparse.ArgumentParser(
        prog='python docs/tools/demo_pictures.py', description=__doc__.split('\n')[0]
    )
    parser.add_argument('--demo', type=Path, default=Path('build/demo/composed'))
    parser.add_argument('--output', type=Path, default=Path('docs/images'))
    parsed = parser.parse_args(arguments)
    video, sheet = parsed.demo / 'overlay.mp4', parsed.demo / 'contact_sheet.png'
    if not (video.is_file() and sheet.is_file()):
        print(f'{parsed.demo} has no demo; make demo SCENE=composed first', file=sys.stderr)
        return 1
    reader = cv2.VideoCapture(str(video))
    rate_hz = reader.get(cv2.CAP_PROP_FPS)
    first, *others = (Image.fromarray(frame) for frame in frames(video))
    first.save(
        parsed.output / 'demo.webp',
        save_all=True,
        append_images=others,
        duration=round(1e3 * EVERY / rate_hz),
        loop=0,
        quality=40,
        method=6,
    )
    cv2.imwrite(
        str(parsed.output / 'demo.jpg'), cv2.imread(str(sheet)), [cv2.IMWRITE_JPEG_QUALITY, 85]
    )
    return 0


if __name__ == '__main__':
    sys.exit(main())
