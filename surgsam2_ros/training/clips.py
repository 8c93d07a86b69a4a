# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a training sample is, and how one is made from pictures and label images."""

from __future__ import annotations

from dataclasses import dataclass

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
        names: of the T frames, 'video/frame', for messages.
    """

    images: np.ndarray
    masks: np.ndarray
    foreground: np.ndarray
    names: tuple[str, ...] = ()


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
    images = np.ascontiguousarray(rgb.transpose(0, 3, 1, 2)).astype(np.float32)
    images *= (1.0 / (255.0 * IMAGENET_STD))[:, None, None]
    images -= (IMAGENET_MEAN / IMAGENET_STD)[:, None, None]
    return images
