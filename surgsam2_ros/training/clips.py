# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Rendered clips on disk, and the augmented training samples read from them."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

SMALLEST_OBJECT = 0.001  # share of the first frame that an object must cover to be prompted
IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32)


@dataclass(frozen=True, eq=False)
class TrainingClip:
    """A clip whose objects are all in its first frame.

    Attributes:
        images: float32 [T, 3, S, S], ImageNet-normalised RGB.
        masks: bool [N, T, S, S], N >= 1.
        foreground: bool [T, S, S], every labelled object, also those that are not tracked.
    """

    images: np.ndarray
    masks: np.ndarray
    foreground: np.ndarray


def render_clips(
    folder: Path, count: int, frames: int, size: int, seed: int, processes: int = 1
) -> None:
    """Render the clips that a folder does not hold yet, `clip_00000.npy` and so on.

    A clip is uint8 [frames, size, size, 4]: RGB and the label. Clip i depends on (seed, i) alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        (folder / f'clip_{index:05d}.npy', frames, size, seed, index)
        for index in range(count)
        if not (folder / f'clip_{index:05d}.npy').exists()
    ]
    if processes <= 1 or len(jobs) <= 1:
        for job in jobs:
            _render_clip(job)
        return
    with ProcessPoolExecutor(processes) as pool:
        for _ in pool.map(_render_clip, jobs, chunksize=4):
            pass


def _render_clip(job: tuple[Path, int, int, int, int]) -> None:
    from surgsam2_ros.synthesis import render_clip

    path, frames, size, seed, index = job
    images, labels = render_clip(np.random.default_rng([seed, index]), frames, size=size)
    unfinished = path.with_suffix(f'.{os.getpid()}.part')
    with unfinished.open('wb') as file:
        np.save(file, np.concatenate([images, labels[..., None]], axis=-1))
    unfinished.replace(path)


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
        picked = picked[turn_where_objects_leave(picked[..., 3])]
    return picked[..., :3], picked[..., 3]


def turn_where_objects_leave(labels: np.ndarray) -> np.ndarray:
    """Order the frames of a clip so that it runs back once an object of its first frame has left.

    Args:
        labels: uint8 [T, S, S].

    Returns:
        int [T], frame numbers; 0, 1, ... T - 1 where no object leaves or the last frame shows how.
    """
    count = len(labels)
    order = np.arange(count)
    coarse = labels[:, ::2, ::2].reshape(count, -1)
    for value in set(np.unique(coarse[0])) - {0}:
        away = np.flatnonzero(~(coarse == value).any(axis=1))
        if len(away) and away[0] < count - 1:
            turn = away[0]
            return np.concatenate([order[: turn + 1], order[turn - 1 :: -1], order[1:]])[:count]
    return order


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


def wander(
    rgb: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Look through a smaller window that moves over the picture, often there and back.

    Args:
        rgb: uint8 [T, S, S, 3].
        labels: uint8 [T, S, S].
    """
    count, size = labels.shape[:2]
    scale = rng.uniform(0.5, 0.9)
    room = size * (1.0 - scale)
    steps = np.linspace(0.0, 1.0, count)
    start, end = rng.uniform(0.0, room, 2), rng.uniform(0.0, room, 2)
    if rng.random() < 0.5:
        phase = np.sin(np.pi * np.clip(steps * rng.uniform(0.8, 1.6), 0.0, 1.0)) ** 2
    else:
        phase = steps
    moved_rgb, moved_labels = np.empty_like(rgb), np.empty_like(labels)
    for index in range(count):
        corner = start + (end - start) * phase[index]
        window = np.array([[scale, 0.0, corner[0]], [0.0, scale, corner[1]]])
        for source, target, interpolation in (
            (rgb, moved_rgb, cv2.INTER_LINEAR),
            (labels, moved_labels, cv2.INTER_NEAREST),
        ):
            target[index] = cv2.warpAffine(
                np.ascontiguousarray(source[index]),
                window,
                (size, size),
                flags=interpolation | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )
    return moved_rgb, moved_labels


def change_colours(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change gain, gamma and saturation of a clip and add a little flicker: uint8 in and out."""
    gain = np.exp(rng.normal(0.0, 0.15)) * np.exp(rng.normal(0.0, 0.05, 3))
    gamma = np.exp(rng.normal(0.0, 0.15))
    saturation = float(np.clip(rng.normal(1.0, 0.2), 0.0, 1.6)) if rng.random() > 0.05 else 0.0
    offset = rng.normal(0.0, 0.03)
    ramp = np.linspace(0.0, 1.0, 256)[:, None] ** gamma  # [256, 1]
    blur = rng.uniform(0.4, 1.2) if rng.random() < 0.15 else 0.0
    changed = np.empty(rgb.shape, np.uint8)
    for index, frame in enumerate(rgb):
        table = (ramp * gain + offset) * np.exp(rng.normal(0.0, 0.02))
        table = np.clip(table * 255.0, 0, 255).astype(np.uint8)[:, None]  # [256, 1, 3]
        frame = cv2.LUT(np.ascontiguousarray(frame), table)
        grey = cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        frame = cv2.addWeighted(frame, saturation, grey, 1.0 - saturation, 0.0)
        changed[index] = cv2.GaussianBlur(frame, (0, 0), blur) if blur else frame
    return changed


def make_clip(
    rgb: np.ndarray, labels: np.ndarray, max_objects: int, rng: np.random.Generator
) -> TrainingClip | None:
    """Make the clip of up to `max_objects` objects of the first frame; None where it shows none."""
    values, areas = np.unique(labels[0], return_counts=True)
    visible = values[(values > 0) & (areas >= SMALLEST_OBJECT * labels[0].size)]
    if not len(visible):
        return None
    chosen = rng.permutation(visible)[:max_objects]
    masks = labels[None] == chosen[:, None, None, None]
    return TrainingClip(normalise(rgb), masks, labels > 0)


def normalise(rgb: np.ndarray) -> np.ndarray:
    """Turn uint8 [T, S, S, 3] into the network's input, float32 [T, 3, S, S]."""
    scaled = (rgb.astype(np.float32) / 255.0 - IMAGENET_MEAN) / IMAGENET_STD
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))
