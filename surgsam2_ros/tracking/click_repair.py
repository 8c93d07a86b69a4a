# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a click changes in a tracked mask: the part of it that looks like the clicked place.

A decoder that was trained briefly follows the memory and overlooks a click that contradicts it.
Here the click decides: it is right, and so is what its surroundings share with it in the features
of the image. The limits were chosen on 134 corrections of the hold-out of the default network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from surgsam2_ros.network.appearance_model import agreement, near_masks
from surgsam2_ros.network.surgsam2 import clamp_previous

if TYPE_CHECKING:
    from surgsam2_ros.network import Decoded, ImageFeatures, SurgSAM2
    from surgsam2_ros.tracking.frame_looks import FrameLooks
    from surgsam2_ros.tracking.prompt_inputs import PromptInputs

_SURE_PIXELS = 2.0  # around a click on the object [pixels of the mask]
_OFF_PIXELS = 4  # what lies farther than this from the mask and the click is background
_MORE_LIKE_THE_CLICK = 0.2  # than like the background, in cosine similarity, to be added
_LESS_LIKE_THE_OBJECT = 0.03  # than like the click, to be taken away
_OTHER_PART = 1.5  # the object is told from beyond so many radii of the clicked part
_SURE = 1.0  # least logit of what is added, and of what is taken away with a minus
_NEAR_PIXELS = 4.0  # around a click that looks may change, besides what is near the mask
_LOOKS = 2.0  # logits per unit of evidence that a click changes


def repair(
    network: SurgSAM2,
    features: ImageFeatures,
    prompts: Sequence[PromptInputs],
    tracked: Tensor,
    looks: FrameLooks | None = None,
) -> Decoded:
    """Change a tracked mask by clicks, one after the other; what comes of it counts as given.

    Args:
        network: decodes what a click selects, and says how good the outcome is.
        features: of the image, batch 1.
        prompts: of one object; see `are_clicks`.
        tracked: float32 [1, 1, S/4, S/4] mask logits; some are above 0.
        looks: what is known of the object's; None where nothing is.

    Returns:
        the object, without candidates.
    """
    alone, logits = network.condition(features.stride16, None), tracked
    for prompt in prompts:
        for place, label in zip(prompt.points.split(1), prompt.labels.tolist(), strict=True):
            selected = None
            if label == 1:
                on_it = torch.ones((1, 1), dtype=prompt.labels.dtype, device=place.device)
                selected = network.decode(
                    alone, features, points=place[None], labels=on_it, multimask=True
                ).mask_logits
            click = tuple(place[0].tolist())
            repaired = repair_mask(logits, click, features, selected)
            if looks is not None and label == 1:
                repaired = or_by_looks(repaired, logits, click, looks)
            logits = repaired
    size = (network.image_size, network.image_size)
    mask = (F.interpolate(logits, size, mode='bilinear', align_corners=False) > 0).float()
    judged = network.decode(
        alone,
        features,
        points=prompts[-1].points[None],
        labels=prompts[-1].labels[None],
        mask_logits=clamp_previous(logits),
        multimask=False,
    )
    return network.mask_as_output(features, mask)._replace(iou=judged.iou)


def or_by_looks(
    repaired: Tensor, logits: Tensor, click: tuple[float, float], looks: FrameLooks
) -> Tensor:
    """Add to a mask what looks like the object when a click on it is known, if that is better.

    Args:
        repaired: float32 [1, 1, S/4, S/4], what `repair_mask` makes of the mask.
        logits: [1, 1, S/4, S/4] of the mask before the click.
        click: x and y in pixels of the network's input, 0 to S.
        looks: of the object.

    Returns:
        logits [1, 1, S/4, S/4]: of the two changed masks the one that agrees better with the looks.
    """
    before, after = looks.evidence, looks.look_again(click)
    distance = _distance(click, logits)
    near = near_masks((logits > 0) | (distance < _NEAR_PIXELS))
    alike = logits + _LOOKS * (after - before).clamp(min=0.0) * near
    alike = torch.where(distance <= _SURE_PIXELS, alike.clamp(min=_SURE), alike)
    masks = torch.cat((repaired, alike))
    return masks[agreement(masks > 0, after.expand_as(masks)).argmax()][None]


def repair_mask(
    logits: Tensor,
    click: tuple[float, float],
    features: ImageFeatures,
    selected: Tensor | None,
) -> Tensor:
    """Change a tracked mask so that it agrees with a click.

    Args:
        logits: float32 [1, 1, S/4, S/4] of the tracked mask; some are above 0.
        click: x and y in pixels of the network's input, 0 to S.
        features: of the image, batch 1.
        selected: float32 [1, 1, S/4, S/4] logits of what a click on the object alone selects; None
            when the click says that the object is not there.

    Returns:
        logits [1, 1, S/4, S/4], those given but for the part that changes.
    """
    mask = (logits[0, 0] > 0).cpu().numpy()
    side = mask.shape[0]
    distance = _distance(click, logits)[0, 0].cpu().numpy()
    described = _describe(features, side)
    if selected is None:
        removed = torch.from_numpy(_part_to_remove(mask, distance, described)).to(logits.device)
        return torch.where(removed, logits.clamp(max=-_SURE), logits)
    part = _part_to_add(mask, distance, described, (selected[0, 0] > 0).cpu().numpy())
    added = torch.from_numpy(part).to(logits.device)
    return torch.where(added, logits.clamp(min=_SURE), logits)


def _part_to_add(
    mask: np.ndarray, distance: np.ndarray, described: np.ndarray, selected: np.ndarray
) -> np.ndarray:
    """Return what the click selects, is connected with it and looks unlike the background."""
    near = distance <= _SURE_PIXELS
    around = cv2.dilate(
        (mask | (distance < 2 * _OFF_PIXELS)).astype(np.uint8), _square(_OFF_PIXELS)
    )
    likeness = _likeness(described, near)
    if not around.all():
        likeness = likeness - _likeness(described, around == 0)
    _, labels = cv2.connectedComponents((likeness > _MORE_LIKE_THE_CLICK).astype(np.uint8))
    part = labels[distance == 0][0]
    alike = labels == part if part else near
    return (alike & selected) | (distance <= 1)


def _part_to_remove(mask: np.ndarray, distance: np.ndarray, described: np.ndarray) -> np.ndarray:
    """Return what is more like the clicked part of the mask than like the rest of it."""
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    radius = max(float(depth[distance == 0][0]), 1.5)
    clicked = _or(mask & (distance <= 0.7 * radius), distance <= 0.7 * radius)
    rest = _or(mask & (distance > _OTHER_PART * radius), mask)
    likeness = _likeness(described, clicked) - _likeness(described, rest)
    return (likeness > _LESS_LIKE_THE_OBJECT) | (distance <= radius)


def _distance(click: tuple[float, float], logits: Tensor) -> Tensor:
    """Return how far each pixel of masks [1, 1, S/4, S/4] is from the clicked one [pixels]."""
    side = logits.shape[-1]
    column, row = (min(int(value / 4), side - 1) for value in click)
    places = torch.arange(side, dtype=torch.float32, device=logits.device)
    return torch.hypot(places - column, places[:, None] - row)[None, None]


def _describe(features: ImageFeatures, side: int) -> np.ndarray:
    """Return the features at strides 8 and 16 as unit vectors float32 [D, side, side]."""
    parts = [
        F.normalize(
            F.interpolate(part.float(), (side, side), mode='bilinear', align_corners=False), dim=1
        )
        for part in (features.stride16, features.stride8)
    ]
    return F.normalize(torch.cat(parts, dim=1), dim=1)[0].cpu().numpy()


def _likeness(described: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Return the cosine similarity [side, side] with the mean over an area, which is not empty."""
    mean = described[:, area].mean(axis=1)
    return np.tensordot(mean / max(np.linalg.norm(mean), 1e-6), described, axes=1)


def _or(area: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    return area if area.any() else otherwise


def _square(reach: int) -> np.ndarray:
    return np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
