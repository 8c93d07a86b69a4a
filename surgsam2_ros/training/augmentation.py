# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Augmentation of clips: picture and labels move together, colours change for the picture alone.

Affine maps and colour changes are kornia's. Their parameters are drawn here, from a generator that
the caller owns, so that equal states give equal clips in any process or thread.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

FILL = (0.485, 0.456, 0.406)  # what an affine map shows beyond the picture: the ImageNet mean


@dataclass(frozen=True)
class Augmentation:
    """What may happen to a clip; everything is off by default.

    "Per clip" means one draw for all frames, "per frame" one for each. The recipe of SurgSAM2 sets
    hflip 0.5, degrees 25, shear 20, clip_brightness 0.1, clip_contrast and clip_saturation 0.03,
    grayscale 0.05, frame_brightness 0.1 and frame_contrast and frame_saturation 0.05.

    Attributes:
        hflip, vflip, transpose: probabilities, per clip.
        degrees: largest rotation to either side, per clip.
        shear: largest angle of a horizontal and a vertical shear in degrees, per clip.
        clip_brightness, clip_contrast, clip_saturation: largest change of these factors from 1,
            drawn per clip.
        grayscale: probability of a clip without colour.
        frame_brightness, frame_contrast, frame_saturation: as above, drawn per frame.
        wander: probability of a smaller window that moves over the picture, see `wander`.
        colours: probability of another gain, gamma and saturation with a little flicker, see
            `change_colours`.
    """

    hflip: float = 0.0
    vflip: float = 0.0
    transpose: float = 0.0
    degrees: float = 0.0
    shear: float = 0.0
    clip_brightness: float = 0.0
    clip_contrast: float = 0.0
    clip_saturation: float = 0.0
    grayscale: float = 0.0
    frame_brightness: float = 0.0
    frame_contrast: float = 0.0
    frame_saturation: float = 0.0
    wander: float = 0.0
    colours: float = 0.0

    def __post_init__(self):
        """Check the values.

        Raises:
            ValueError: for a value out of its range.
        """
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            largest = {'degrees': 180.0, 'shear': 80.0}.get(item.name, 1.0)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not 0.0 <= value <= largest:
                raise ValueError(
                    f'augmentation {item.name} is {value!r}; expected a number from 0 (off) to '
                    f'{largest:g}'
                )

    @property
    def moves(self) -> bool:
        """Whether an affine map is wanted."""
        return self.degrees > 0 or self.shear > 0

    def kept_in_view(self) -> Augmentation:
        """Return the same without what can move an object out of the picture."""
        return dataclasses.replace(self, degrees=0.0, shear=0.0, wander=0.0)


def augment(
    rgb: np.ndarray,
    labels: np.ndarray,
    size: int,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Bring a clip to the network's size and change it.

    Args:
        rgb: uint8 [T, H, W, 3].
        labels: uint8 [T, H, W].
        size: S; the aspect ratio is not kept, as at inference.

    Returns:
        rgb uint8 [T, S, S, 3] and labels uint8 [T, S, S].
    """
    if augmentation.moves:
        rgb, labels = turn_and_shear(rgb, labels, size, augmentation, rng)
    else:
        rgb, labels = resize(rgb, labels, (size, size))
    if rng.random() < augmentation.hflip:
        rgb, labels = rgb[:, :, ::-1], labels[:, :, ::-1]
    if rng.random() < augmentation.vflip:
        rgb, labels = rgb[:, ::-1], labels[:, ::-1]
    if rng.random() < augmentation.transpose:
        rgb, labels = rgb.transpose(0, 2, 1, 3), labels.transpose(0, 2, 1)
    if rng.random() < augmentation.wander:
        rgb, labels = wander(rgb, labels, rng)
    rgb = jitter(rgb, augmentation, rng)
    if rng.random() < augmentation.colours:
        rgb = change_colours(rgb, rng)
    return np.ascontiguousarray(rgb), np.ascontiguousarray(labels)


def resize(
    rgb: np.ndarray, labels: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Resize a clip; pixel centres of picture and labels stay on top of each other.

    Args:
        rgb: uint8 [T, H, W, 3].
        labels: uint8 [T, H, W].
        shape: (height, width) wanted.
    """
    if labels.shape[1:] == tuple(shape):
        return rgb, labels
    target = (shape[1], shape[0])
    smaller = shape[0] * shape[1] < labels.shape[1] * labels.shape[2]
    smooth = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return (
        np.stack([cv2.resize(frame, target, interpolation=smooth) for frame in rgb]),
        np.stack([cv2.resize(f, target, interpolation=cv2.INTER_NEAREST_EXACT) for f in labels]),
    )


def turn_and_shear(
    rgb: np.ndarray,
    labels: np.ndarray,
    size: int,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Rotate and shear all frames alike about their middle and bring them to S x S at once."""
    from kornia.geometry.transform import get_affine_matrix2d, warp_affine

    height, width = labels.shape[1:]
    degrees = rng.uniform(-1, 1) * augmentation.degrees
    shears = np.radians(rng.uniform(-1, 1, 2) * augmentation.shear)
    moved = get_affine_matrix2d(
        translations=torch.zeros(1, 2),
        center=torch.tensor([[(width - 1) / 2, (height - 1) / 2]]),
        scale=torch.ones(1, 2),
        angle=torch.tensor([degrees], dtype=torch.float32),
        sx=torch.tensor([shears[0]], dtype=torch.float32),
        sy=torch.tensor([shears[1]], dtype=torch.float32),
    )
    # Pixel centres lie at whole numbers: x -> (x + 0.5) * S / W - 0.5.
    sx, sy = size / width, size / height
    scaled = torch.tensor([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]])
    matrix = (scaled @ moved)[:, :2]  # [1, 2, 3]
    # One map for all frames: as channels of one picture they share its sampling grid.
    pictures = warp_affine(
        _to_tensor(rgb).reshape(1, -1, height, width),
        matrix,
        (size, size),
        padding_mode='fill',
        fill_value=torch.tensor(FILL * len(rgb)),
    )
    ids = torch.from_numpy(np.ascontiguousarray(labels))[None].float()  # [1, T, H, W]
    ids = warp_affine(ids, matrix, (size, size), mode='nearest')
    return _to_array(pictures.view(-1, 3, size, size)), ids[0].round().to(torch.uint8).numpy()


def jitter(rgb: np.ndarray, augmentation: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Change brightness, contrast and saturation per clip and per frame, or take the colour away.

    Args:
        rgb: uint8 [T, H, W, 3].
    """
    a = augmentation
    per_clip = (a.clip_brightness, a.clip_contrast, a.clip_saturation)
    per_frame = (a.frame_brightness, a.frame_contrast, a.frame_saturation)
    grey = rng.random() < a.grayscale
    if not (any(per_clip) or any(per_frame) or grey):
        return rgb
    from kornia.color import rgb_to_grayscale

    pictures = _to_tensor(rgb)
    if any(per_clip):
        pictures = _change(pictures, per_clip, 1, rng)
    if grey:
        pictures = rgb_to_grayscale(pictures).expand(-1, 3, -1, -1)
    if any(per_frame):
        pictures = _change(pictures, per_frame, len(pictures), rng)
    return _to_array(pictures)


def _change(
    pictures: Tensor, strengths: tuple[float, float, float], draws: int, rng: np.random.Generator
) -> Tensor:
    """Apply the three changes in random order, with `draws` factors each (1: the same for all)."""
    from kornia.enhance import (
        adjust_brightness_accumulative,
        adjust_contrast_with_mean_subtraction,
        adjust_saturation_with_gray_subtraction,
    )

    changes = (
        adjust_brightness_accumulative,
        adjust_contrast_with_mean_subtraction,
        adjust_saturation_with_gray_subtraction,
    )
    for index in rng.permutation(3):
        factors = 1.0 + rng.uniform(-1, 1, draws) * strengths[index]
        if strengths[index] > 0:
            factors = torch.from_numpy(np.broadcast_to(factors, len(pictures)).copy()).float()
            pictures = changes[index](pictures, factors)
    return pictures


def _to_tensor(rgb: np.ndarray) -> Tensor:
    """float32 [T, 3, H, W] in [0, 1] of uint8 [T, H, W, 3]."""
    return torch.from_numpy(np.ascontiguousarray(rgb.transpose(0, 3, 1, 2))).float() / 255.0


def _to_array(pictures: Tensor) -> np.ndarray:
    """uint8 [T, H, W, 3] of float32 [T, 3, H, W] in [0, 1]."""
    return (pictures * 255.0).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()


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
        phase = np.sin(math.pi * np.clip(steps * rng.uniform(0.8, 1.6), 0.0, 1.0)) ** 2
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
