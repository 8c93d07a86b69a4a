# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Small videos with an exact truth, as folders and bags, and a tiny model, for evaluations."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import yaml

from surgsam2_ros.drawing import label_palette
from surgsam2_ros.sources import BagWriter, write_label_png

if TYPE_CHECKING:
    from surgsam2_ros.network import SurgSAM2

SIZE = (48, 64)
IMAGE_TOPIC, TRUTH_TOPIC = '/camera/image_raw', '/camera/truth'
PERIOD_NS = 40_000_000
START_NS = 1_700_000_000_000_000_000
LATE = 2
"""Frame in which object 7 appears; object 3 is there from the start."""


def picture(index: int) -> np.ndarray:
    """Return frame `index`: two squares that move to the right, uint8 [48, 64, 3]."""
    rgb = np.full((*SIZE, 3), 60, np.uint8)
    rgb[truth(index) == 3] = (200, 200, 210)
    rgb[truth(index) == 7] = (220, 120, 40)
    return rgb


def truth(index: int) -> np.ndarray:
    """Return the label image of frame `index`, uint8 [48, 64]."""
    labels = np.zeros(SIZE, np.uint8)
    labels[8:24, 5 + index : 21 + index] = 3
    if index >= LATE:
        labels[30:44, 20 + 2 * index : 34 + 2 * index] = 7
    return labels


def stamp(index: int) -> int:
    """Return the stamp of frame `index` [ns]."""
    return START_NS + index * PERIOD_NS


def write_labels(path: Path, labels: np.ndarray) -> None:
    """Write a label image, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_label_png(path, labels, label_palette())


def write_vos(root: Path, videos: tuple[str, ...] = ('a',), frames: int = 4) -> Path:
    """Write a data set of the VOS layout; returns its root."""
    for video in videos:
        images = root / 'JPEGImages' / video
        images.mkdir(parents=True)
        for index in range(frames):
            cv2.imwrite(str(images / f'{index:05d}.png'), picture(index)[..., ::-1])
            write_labels(root / 'Annotations' / video / f'{index:05d}.png', truth(index))
    return root


def write_bag(
    path: Path,
    frames: int = 4,
    *,
    truth_delay_ns: int = 0,
    truth_encoding: str = 'mono8',
    with_truth: bool = True,
) -> Path:
    """Write a bag of images and label images; returns its path."""
    with BagWriter(path) as bag:
        for index in range(frames):
            header = {'stamp_ns': stamp(index), 'frame_id': 'camera'}
            bag.write_image(IMAGE_TOPIC, picture(index), **header, encoding='rgb8')
            if with_truth:
                header['stamp_ns'] += truth_delay_ns
                _write_truth(bag, truth(index), header, truth_encoding)
    return path


def _write_truth(bag: BagWriter, labels: np.ndarray, header: dict, encoding: str) -> None:
    if encoding != 'mono16':
        bag.write_image(TRUTH_TOPIC, labels, **header, encoding=encoding)
        return
    wide = labels.astype('<u2')
    message = bag.create(
        'sensor_msgs/msg/Image',
        header=bag.header(header['stamp_ns'], header['frame_id']),
        height=wide.shape[0],
        width=wide.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=wide[0].nbytes,
        data=wide.reshape(-1).view(np.uint8),
    )
    bag.write_message(TRUTH_TOPIC, header['stamp_ns'], message)


def write_tiny_model(folder: Path) -> Path:
    """Write configuration and random weights of the tiny network; returns the YAML file."""
    from safetensors.torch import save_file
    from tiny_network import tiny_network

    network = tiny_network()
    save_file(
        {key: value.contiguous() for key, value in network.state_dict().items()},
        folder / 'tiny.safetensors',
    )
    config = dataclasses.asdict(network.config) | {'name': 'tiny', 'checkpoint': 'tiny.safetensors'}
    config = {key: value for key, value in config.items() if value is not None}
    for key in ('directory', 'checkpoint_sha256', 'weights_source'):
        config.pop(key, None)
    config['trunk'] = {'type': config['trunk']['type']}
    (folder / 'tiny.yaml').write_text(yaml.safe_dump(config))
    return folder / 'tiny.yaml'


def write_detector(path: Path, network: SurgSAM2, seed: int = 0) -> Path:
    """Write a head with random weights that finds one instrument, nearly the whole image."""
    import torch
    from safetensors.torch import save_file

    from surgsam2_ros.network.instrument_detector import (
        TRUNK_KEY,
        InstrumentDetector,
        trunk_digest,
    )

    torch.manual_seed(seed)
    head = InstrumentDetector(network.config.hidden_dim).eval()
    with torch.no_grad():
        head.predict.bias[0], head.predict.bias[1] = 3.0, 1.0
    state = {key: value.contiguous() for key, value in head.state_dict().items()}
    save_file(state, path, {TRUNK_KEY: trunk_digest(network)})
    return path
