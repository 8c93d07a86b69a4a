# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Optical flow, and masks moved by it: where an object probably is, before the network looks.

The flow is that of dense inverse search (Kroeger et al., ECCV 2016) in OpenCV. It points back, from
each place of the newer image to where it came from in the older one.
"""

from __future__ import annotations

import threading

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_STRIDE = 4  # pixels of the network's input per pixel of a mask
_of_thread = threading.local()


def grey_image(image: Tensor) -> np.ndarray:
    """Turn an RGB image, uint8 [3, S, S] on the CPU, to grey uint8 [S, S]."""
    return cv2.cvtColor(image.permute(1, 2, 0).contiguous().numpy(), cv2.COLOR_RGB2GRAY)


def backward_flow(newer: np.ndarray, older: np.ndarray) -> Tensor:
    """Estimate where each place of a mask was in the image before.

    Args:
        newer, older: grey uint8 [S, S].

    Returns:
        float32 [1, 2, S / 4, S / 4], x and y in pixels of the mask.
    """
    flow = _search().calc(newer, older, None)  # [S, S, 2]
    size = (newer.shape[1] // _STRIDE, newer.shape[0] // _STRIDE)
    flow = cv2.resize(flow, size, interpolation=cv2.INTER_AREA) / _STRIDE
    return torch.from_numpy(flow).permute(2, 0, 1)[None]


def move_masks(logits: Tensor, flow: Tensor) -> Tensor:
    """Take masks of the older image to the newer one.

    Args:
        logits: [N, 1, h, w].
        flow: [1 | N, 2, h, w], see `backward_flow`.

    Returns:
        [N, 1, h, w]; what came from beyond the border looks like the border.
    """
    height, width = logits.shape[-2:]
    rows = torch.arange(height, device=flow.device, dtype=flow.dtype)[:, None]
    columns = torch.arange(width, device=flow.device, dtype=flow.dtype)
    x = (columns + flow[:, 0]) * (2.0 / (width - 1)) - 1.0
    y = (rows + flow[:, 1]) * (2.0 / (height - 1)) - 1.0
    places = torch.stack((x, y), dim=-1).expand(len(logits), -1, -1, -1)
    return F.grid_sample(
        logits.float(), places, mode='bilinear', padding_mode='border', align_corners=True
    )


def _search() -> cv2.DISOpticalFlow:
    """Return this thread's flow: its buffers are kept from frame to frame."""
    if not hasattr(_of_thread, 'search'):
        _of_thread.search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    return _of_thread.search
