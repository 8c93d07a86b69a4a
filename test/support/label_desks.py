# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Recordings of a moving disc, and label desks over them with a tiny network."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from tiny_network import tiny_network

from surgsam2_ros.console.label.label_desk import LabelDesk
from surgsam2_ros.console.label.opening import open_label_desk
from surgsam2_ros.sources import BagWriter
from surgsam2_ros.tracking import Prompt, TrackerConfig

HEIGHT, WIDTH = 48, 80
CONFIG = TrackerConfig(tentative_frames=1, min_quality=0.0)
PERIOD_NS, STARTS_NS = 40_000_000, 1_000_000_000
TOPIC = '/camera/image'


def disc_frame(index: int) -> np.ndarray:
    """Return a frame, uint8 [H, W, 3]: a disc that moves over noise of its own."""
    rng = np.random.default_rng(index)
    frame = rng.integers(0, 60, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    cv2.circle(frame, (20 + index % 40, 24), 9, (220, 200, 60), -1)
    return frame


def disc_mask(index: int) -> np.ndarray:
    """Return where the disc is, bool [H, W]."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(mask, (20 + index % 40, 24), 9, 1, -1)
    return mask > 0


def write_folder(folder: Path, frames: int) -> Path:
    """Write the frames as PNG files; return the folder."""
    folder.mkdir()
    for index in range(frames):
        cv2.imwrite(str(folder / f'{index:05d}.png'), disc_frame(index)[..., ::-1])
    return folder


def write_bag(path: Path, frames: int, *, together: int = 1) -> Path:
    """Write the frames as raw images of a bag, so many of them with one time of recording."""
    with BagWriter(path) as bag:
        for index in range(frames):
            image = disc_frame(index)
            message = bag.create(
                'sensor_msgs/msg/Image',
                header=bag.header(STARTS_NS + index * PERIOD_NS, 'camera'),
                height=HEIGHT,
                width=WIDTH,
                encoding='rgb8',
                is_bigendian=0,
                step=3 * WIDTH,
                data=image.reshape(-1),
            )
            bag.write_message(TOPIC, STARTS_NS + index // together * PERIOD_NS, message)
    return path


def open_desk(source: Path, work: Path | None = None, **named) -> LabelDesk:
    """Open a desk over a recording, its work folder beside it by default."""
    torch.set_num_threads(1)  # these tensors are too small to be shared out
    desk, _ = open_label_desk(source, tiny_network(), work_folder=work, config=CONFIG, **named)
    return desk


def mask_prompt(index: int, object_id: str = 'disc', class_name: str = '') -> Prompt:
    """Return a prompt by the mask of the disc."""
    return Prompt(object_id, mask=disc_mask(index), class_name=class_name)


def give(desk: LabelDesk, index: int, prompt: Prompt, author: str = 'ann') -> None:
    """Go to a frame and prompt it."""
    desk.go_to(index)
    desk.give(desk.wait_for_picture(desk.cameras[0], 0, 5.0), prompt, author)
