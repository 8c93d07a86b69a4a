# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a training sample is, and how one is made from pictures and label images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from surgsam2_ros.training.augmentation import change_colours, wander
from surgsam2_ros.training.rendered_clips import render_clips

SMALLEST_OBJECT = 0.001  # share of the first frame that an object must cover to be prompted
__all__ = ['render_clips']
IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32)


@dataclass(frozen=True, eq=False)
class TrainingClip:
    """A clip whose objects are all in its first frame.

    Attributes:
        images: float32 [T, 3, S, S], ImageNet-normalised RGB.
        masks: bool [N, T, S, S], N >= 1.
        foreground: bool [T, S, S], every labelled object, also those that are not tracked.
        names: of the T frames, 'video/frame', for messages.
    """

    images: np.ndarray
    masks: np.ndarray
    foreground: np.ndarray
    names: tuple[str, ...] = ()


class ClipFolder:
    """The clips of a folder, read frame by frame through memory maps.

    Raises:
        FileNotFoundError: when the folder holds no clips.
    """

    def __init__(self, folder: Path):
        self._paths = sorted(Path(folder).glob('clip_*.npy'))
        if not self._paths:
            raise FileNotFoundError(f'no clip_*.npy in {folder}; render clips there first')

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> np.ndarray:
        """uint8 [T, S, S, 4], RGB and label, read-only."""
        return np.load(self._paths[index], mmap_mode='r')


def sample_clip(
    clips: ClipFolder, rng: np.random.Generator, frames: int, max_objects: int
) -> TrainingClip:
    """Draw an augmented clip; try others until one shows an object in its first frame."""
    while True:
        stored = clips[int(rng.integers(len(clips)))]
        rgb, labels = choose_frames(stored, rng, frames)
        rgb, labels = augment(rgb, labels, rng)
        clip = make_clip(rgb, labels, max_objects, rng)
        if clip is not None:
            return clip


def choose_frames(
    stored: np.ndarray, rng: np.random.Generator, frames: int
) -> tuple[np.ndarray, np.ndarray]:
    """Take consecutive frames, or every second or third where there are enough.

    Half of the clips run backwards, and some in which an object leaves turn round to bring it back.

    Args:
        stored: uint8 [T, S, S, 4] with T >= frames.

    Returns:
        RGB uint8 [frames, S, S, 3] and labels uint8 [frames, S, S].

    Raises:
        ValueError: when the clip is too short.
    """
    if len(stored) < frames:
        raise ValueError(f'clip has {len(stored)} frames, {frames} wanted; render longer clips')
    widest = 3 if frames == 1 else min(3, (len(stored) - 1) // (frames - 1))
    stride = int(rng.integers(1, widest + 1)) if rng.random() < 0.5 else 1
    start = int(rng.integers(0, len(stored) - stride * (frames - 1)))
    chosen = np.arange(start, start + stride * frames, stride)[:frames]
    if rng.random() < 0.5:
        chosen = chosen[::-1]
    picked = np.stack([stored[index] for index in chosen])
    if rng.random() < 0.6:
        from surgsam2_ros.training.sampling import turn_where_objects_leave

        picked = picked[turn_where_objects_leave(picked[..., 3])]
    return picked[..., :3], picked[..., 3]


def augment(
    rgb: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Flip, transpose, let a closer camera wander and change the colours."""
    if rng.random() < 0.5:
        rgb, labels = rgb[:, :, ::-1], labels[:, :, ::-1]
    if rng.random() < 0.5:
        rgb, labels = rgb[:, ::-1], labels[:, ::-1]
    if rng.random() < 0.5:
        rgb, labels = rgb.transpose(0, 2, 1, 3), labels.transpose(0, 2, 1)
    if rng.random() < 0.4:
        rgb, labels = wander(rgb, labels, rng)
    return change_colours(rgb, rng), np.ascontiguousarray(labels)


def visible_objects(labels: np.ndarray, smallest: float = SMALLEST_OBJECT) -> np.ndarray:
    """List the ids in a label image that cover at least a share of it.

    Args:
        labels: uint8 [H, W], 0 = background.
        smallest: share of the image; 0 asks for one pixel.

    Returns:
        uint8 [V], ascending.
    """
    areas = np.bincount(labels.ravel(), minlength=2)
    areas[0] = 0
    return np.flatnonzero(areas >= max(1.0, smallest * labels.size)).astype(np.uint8)


def make_clip(
    rgb: np.ndarray,
    labels: np.ndarray,
    max_objects: int,
    rng: np.random.Generator,
    *,
    smallest: float = SMALLEST_OBJECT,
    names: tuple[str, ...] = (),
) -> TrainingClip | None:
    """Make the clip of up to `max_objects` objects of the first frame; None where it shows none.

    Args:
        rgb: uint8 [T, S, S, 3].
        labels: uint8 [T, S, S].
        max_objects: of more objects that many are drawn.
        smallest: share of the first frame that an object must cover.
        names: of the frames.
    """
    visible = visible_objects(labels[0], smallest)
    if not len(visible):
        return None
    chosen = rng.permutation(visible)[:max_objects]
    masks = labels[None] == chosen[:, None, None, None]
    return TrainingClip(normalise(rgb), masks, labels > 0, names)


def normalise(rgb: np.ndarray) -> np.ndarray:
    """Turn uint8 [T, S, S, 3] into the network's input, float32 [T, 3, S, S]."""
    scaled = (rgb.astype(np.float32) / 255.0 - IMAGENET_MEAN) / IMAGENET_STD
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))
