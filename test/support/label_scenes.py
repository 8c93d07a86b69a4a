# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Small folders of label images: truths, predictions and the layouts that both come in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from surgsam2_ros.drawing import label_palette
from surgsam2_ros.sources import write_label_png

SIZE = (48, 64)


def scene(*boxes: tuple[int, int, int]) -> np.ndarray:
    """Return a label image with a box 16x16 for each (value, top, left); later ones lie on top."""
    labels = np.zeros(SIZE, np.uint8)
    for value, top, left in boxes:
        labels[top : top + 16, left : left + 16] = value
    return labels


def write_labels(folder: Path, images: Iterable[np.ndarray], first: int = 0) -> None:
    """Write label images with a palette as 00000.png, 00001.png, ..., or from another number on."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, labels in enumerate(images, start=first):
        write_label_png(folder / f'{index:05d}.png', labels.astype(np.uint8), label_palette())


def write_random_videos(truth: Path, predictions: Path) -> None:
    """Write two videos in which objects come late, go and return, and are found now and then."""
    rng = np.random.default_rng(7)
    for name, objects in (('seq_1', (1, 2, 5)), ('seq_2', (3,))):
        true_images, images = [], []
        for frame in range(9):
            places = [(v, 8 * i + frame, 12 * i + 2 * frame) for i, v in enumerate(objects)]
            away = {5} if frame < 3 else {2} if frame in (4, 5) else set()
            true_images.append(scene(*(place for place in places if place[0] not in away)))
            moved = [(v, y + rng.integers(0, 5), x + rng.integers(0, 5)) for v, y, x in places]
            images.append(scene(*(place for place in moved if rng.random() > 0.2)))
        write_labels(truth / name, true_images)
        write_labels(predictions / name, images)


def read_labels(path: Path) -> np.ndarray:
    """Read a palette PNG by other means than the package does."""
    return np.array(Image.open(path))


def split_objects(truth: Path, predictions: Path, output: Path) -> None:
    """Write predictions as the authors' tools do: one folder per object of the truth.

    Its images begin with the first frame in which the truth shows it; `all` has every object.
    """
    for video in sorted(truth.iterdir()):
        true_images = [read_labels(path) for path in sorted(video.iterdir())]
        images = [read_labels(path) for path in sorted((predictions / video.name).iterdir())]
        for value in sorted({int(v) for labels in true_images for v in np.unique(labels)} - {0}):
            first = next(i for i, labels in enumerate(true_images) if (labels == value).any())
            masks = [(labels == value) * value for labels in images[first:]]
            write_labels(output / video.name / f'{value:03d}', masks, first)
        write_labels(output / video.name / 'all', images)
