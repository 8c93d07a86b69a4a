# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Small archives of the structure of the EndoVis challenges, for tests."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

RAW = (1080, 1920)
CAMERA = (1024, 1280)
TOP, LEFT = 28, 320  # of the camera's image in the raw one

CLASSES_18 = [
    {'name': 'background-tissue', 'color': [0, 0, 0], 'classid': 0},
    {'name': 'instrument-shaft', 'color': [0, 255, 0], 'classid': 1},
    {'name': 'instrument-clasper', 'color': [0, 255, 255], 'classid': 2},
    {'name': 'instrument-wrist', 'color': [125, 255, 12], 'classid': 3},
    {'name': 'kidney-parenchyma', 'color': [255, 55, 0], 'classid': 4},
    {'name': 'small-intestine', 'color': [124, 155, 5], 'classid': 10},
]
SHAFT, CLASPER, KIDNEY, INTESTINE, SUCTION = (
    (0, 255, 0),
    (0, 255, 255),
    (255, 55, 0),
    (124, 155, 5),
    (123, 15, 175),
)


def write_png(path: Path, image: np.ndarray) -> None:
    """Write an image, RGB or RGBA where it has colours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if image.ndim == 3:
        image = image[..., [2, 1, 0, *range(3, image.shape[2])]]
    assert cv2.imwrite(str(path), image, [cv2.IMWRITE_PNG_COMPRESSION, 1])


def raw_frame(number: int) -> np.ndarray:
    """Draw a video frame of 2017: the camera's image says its number, the border is white."""
    frame = np.full((*RAW, 3), 255, np.uint8)
    frame[TOP : TOP + CAMERA[0], LEFT : LEFT + CAMERA[1]] = (200, number % 256, 30)
    return frame


def raw_mask(value: int, row: int, column: int, size: int = 100) -> np.ndarray:
    """Draw a raw mask with a square at a place given in the camera's image."""
    mask = np.zeros(RAW, np.uint8)
    row, column = TOP + row, LEFT + column
    mask[row : row + size, column : column + size] = value
    return mask


def write_images_17(folder: Path, numbers) -> None:
    """Write left and right frames of a sequence of 2017."""
    for number in numbers:
        write_png(folder / 'left_frames' / f'frame{number:03d}.png', raw_frame(number))
        write_png(folder / 'right_frames' / f'frame{number:03d}.png', np.zeros((8, 8), np.uint8))


def colour_labels(*squares) -> np.ndarray:
    """Draw a label image of 2018, RGBA, with squares (colour, row, column, size)."""
    labels = np.zeros((*CAMERA, 4), np.uint8)
    labels[..., 3] = 128
    for colour, row, column, size in squares:
        labels[row : row + size, column : column + size, :3] = colour
    return labels


def write_frame_18(folder: Path, number: int, labels: np.ndarray | None) -> None:
    """Write one frame of a sequence of 2018, with its label image if there is one."""
    image = np.full((*CAMERA, 3), (210, number % 256, 40), np.uint8)
    write_png(folder / 'left_frames' / f'frame{number:03d}.png', image)
    if labels is not None:
        write_png(folder / 'labels' / f'frame{number:03d}.png', labels)


def write_classes_18(folder: Path, classes=CLASSES_18) -> None:
    """Write the `labels.json` of a release."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'labels.json').write_text(json.dumps(classes))
