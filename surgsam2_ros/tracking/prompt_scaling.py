# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""From the pixels of an image to those of the network: what a prompt becomes there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from surgsam2_ros.network.device_transfer import upload
from surgsam2_ros.tracking.preprocess import resize_mask_prompt
from surgsam2_ros.tracking.prompt_inputs import PromptInputs
from surgsam2_ros.tracking.prompts import (
    Prompt,
    WaitingPrompt,
    box_of,
    check_fit,
    mask_of,
    points_of,
)

if TYPE_CHECKING:
    from surgsam2_ros.network import SurgSAM2
    from surgsam2_ros.tracking.view import Region


def waiting_inputs(waiting: WaitingPrompt, region: Region, network: SurgSAM2) -> PromptInputs:
    """Scale a prompt to what of its frame the network sees.

    Args:
        waiting: the prompt.
        region: what of its frame the network sees.
        network: that will take it.

    Raises:
        PromptError: when it does not fit the frame.
    """
    size = waiting.image_size or region.image_size
    check_fit(waiting.prompt, size)
    return prompt_inputs(waiting.prompt, size, region, network.image_size, network.device)


def prompt_inputs(
    prompt: Prompt,
    image_size: tuple[int, int],
    region: Region,
    network_size: int,
    device: torch.device,
) -> PromptInputs:
    """Scale a checked prompt to the network's square input; what lies beside it is cut off.

    Args:
        prompt: passed `check_shape` and `check_fit`.
        image_size: (H, W) of the image that it was made on.
        region: what of its image the network sees.
        network_size: S.
        device: where the tensors shall lie.
    """
    left, top, width, height = region.scaled(image_size)
    if prompt.mask is not None:
        rows = slice(round(top), max(round(top + height), round(top) + 1))
        columns = slice(round(left), max(round(left + width), round(left) + 1))
        seen = torch.from_numpy(np.ascontiguousarray(mask_of(prompt)[rows, columns]))
        mask = upload(resize_mask_prompt(seen, network_size), device)
        return PromptInputs(None, None, mask, False)
    points, labels = points_of(prompt)
    if prompt.box is not None:
        points = np.concatenate([box_of(prompt).reshape(2, 2), points])
        labels = np.concatenate([np.array([2, 3], np.int32), labels])
    origin, size = torch.tensor([left, top]), torch.tensor([width, height])
    scaled = (torch.from_numpy(points) - origin) / size * network_size
    if not region.is_whole:
        scaled = scaled.clamp(0, network_size)
    return PromptInputs(
        upload(scaled, device),
        upload(torch.from_numpy(labels), device),
        None,
        not prompt.clear_old_points,
    )
