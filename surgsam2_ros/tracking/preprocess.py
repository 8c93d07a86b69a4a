# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""From camera images to network input and from mask logits back to image size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from surgsam2_ros.network import ImageFeatures
    from surgsam2_ros.tracking.view import Region

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, eq=False)
class PreparedFrame:
    """An image on its way into the tracker; `StreamingTracker.prepare` makes it.

    Attributes:
        region: what of the image the network sees.
        image: that, uint8 [1, 3, S, S] on the CPU.
        features: what the network sees in it; None while nothing asked for that.
        described: what appearance models see in those, [D, S/8, S/8]; None likewise.
    """

    region: Region
    image: torch.Tensor
    features: ImageFeatures | None = None
    described: torch.Tensor | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the whole image."""
        return self.region.image_size


def check_image(rgb: np.ndarray) -> None:
    """Raise ValueError unless `rgb` is a non-empty uint8 [H, W, 3] array."""
    if not isinstance(rgb, np.ndarray) or rgb.dtype != np.uint8:
        kind = rgb.dtype if isinstance(rgb, np.ndarray) else type(rgb).__name__
        raise ValueError(f'the image is {kind}; a NumPy array of uint8 is expected')
    if rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
        raise ValueError(f'the image has shape {rgb.shape}; [height, width, 3] RGB is expected')


def resize_image(rgb: np.ndarray, size: int) -> torch.Tensor:
    """Resize to a square, ignoring the aspect, as Pillow's bicubic filter does.

    Args:
        rgb: uint8 [H, W, 3].
        size: side S of the result.

    Returns:
        uint8 [1, 3, S, S] on the CPU, memory of its own.
    """
    image = torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None]
    if rgb.shape[:2] == (size, size):
        return image.clone()
    return F.interpolate(image, (size, size), mode='bicubic', antialias=True)


def normalise_image(image: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Turn uint8 [1, 3, S, S] into the network's float32 input on `device`."""
    return normalise(image.to(device), imagenet_statistics().to(device))


def normalise(image: torch.Tensor, statistics: torch.Tensor) -> torch.Tensor:
    """Do the same with an image and `imagenet_statistics` that lie on one device."""
    mean, std = statistics
    return (image.float() / 255.0 - mean) / std


def imagenet_statistics() -> torch.Tensor:
    """Mean and deviation of the network's input, float32 [2, 3, 1, 1]."""
    return torch.tensor((IMAGENET_MEAN, IMAGENET_STD))[:, :, None, None]


def resize_mask_prompt(mask: torch.Tensor, size: int) -> torch.Tensor:
    """Resize a mask prompt as the official predictor does: antialiased, then cut at 0.5.

    Args:
        mask: bool [H, W].
        size: side S of the result.

    Returns:
        float32 [1, 1, S, S] of zeros and ones.
    """
    image = mask.float()[None, None]
    if mask.shape == (size, size):
        return image
    image = F.interpolate(image, (size, size), mode='bilinear', align_corners=False, antialias=True)
    return (image >= 0.5).float()


def resize_logits(logits: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Bilinear [N, 1, h, w] to [N, 1, *size]; how every mask grows, in memory and in results."""
    return F.interpolate(logits, size, mode='bilinear', align_corners=False)
