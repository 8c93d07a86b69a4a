# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A data set of moving discs and a training of seconds on it, for tests of the training loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

MODEL = {
    'kind': 'sam2.1',
    'image_size': 64,
    'trunk': {'type': 'efficientnet_lite0'},
    'hidden_dim': 64,
    'memory_dim': 32,
    'memory_attention_layers': 1,
    'memory_attention_feedforward': 64,
    'decoder_heads': 2,
    'decoder_feedforward': 64,
    'decoder_iou_hidden': 32,
    'fuser_layers': 1,
}
TRAINING = {
    'model': 'models/tiny.yaml',
    'initial_weights': 'random',
    'data': [{'type': 'vos', 'path': 'clips'}],
    'validation': [{'type': 'vos', 'path': 'clips'}],
    'validation_frames': 2,
    'steps': 2,
    'clips_per_step': 2,
    'clips_at_once': 1,
    'images_per_step': 2,
    'curriculum': [[1.0, 2]],
    'learning_rate': 1e-3,
    'clip_norm': 1.0,
    'ema': 0.9,
    'prompts': {'correction_clicks': 1},
    'loss': {'foreground': 0.5},
    'device': 'cpu',
    'validate_epochs': 1000,
}


def write_discs(
    folder: Path, videos: int = 2, frames: int = 3, size: int = 64, *, second: bool = True
) -> None:
    """Write a VOS folder whose videos show a bright disc, and a second one in every other video.

    Without the second one the discs are larger.
    """
    radius = size // 5 if second else size // 4
    for video in range(videos):
        for name in ('JPEGImages', 'Annotations'):
            (folder / name / f'video_{video}').mkdir(parents=True)
        for frame in range(frames):
            image = np.full((size, size, 3), (40, 30, 110), np.uint8)
            labels = np.zeros((size, size), np.uint8)
            for number in range(1 + video % 2 * second):
                centre = (size // 4 + 4 * frame + size // 2 * number, size // 3 + 6 * video)
                cv2.circle(image, centre, radius, (220, 200 - 150 * number, 60), -1)
                cv2.circle(labels, centre, radius, number + 1, -1)
            for name, picture in (('JPEGImages', image), ('Annotations', labels)):
                cv2.imwrite(str(folder / name / f'video_{video}' / f'{frame:05d}.png'), picture)


def write_training(folder: Path, **changes: Any) -> Path:
    """Write network, clips and configuration below a folder; return the configuration's path.

    Args:
        folder: root of the configuration's relative paths.
        changes: fields of the TrainingConfig.
    """
    write_discs(folder / 'clips')
    for name, values in (
        ('models/tiny.yaml', MODEL),
        ('config/training/tiny.yaml', {**TRAINING, **changes}),
    ):
        path = folder / name
        path.parent.mkdir(parents=True)
        path.write_text(yaml.safe_dump(values))
    return folder / 'config' / 'training' / 'tiny.yaml'
