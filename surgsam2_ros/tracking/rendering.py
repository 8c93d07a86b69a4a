# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Masks and the label image at image size, on the host.

On a CPU only the boxes that masks lie in are drawn; a GPU draws whole images, which it has the
bandwidth for, and sends them in one copy, a bit for each pixel of a mask: to learn the boxes first,
the host would have to wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from surgsam2_ros.network import ABSENT_LOGIT, Decoded
from surgsam2_ros.network.device_transfer import Download
from surgsam2_ros.tracking.box_resize import LogitBox, resize_above
from surgsam2_ros.tracking.config import presence_to_logit
from surgsam2_ros.tracking.mask_crop import MaskCrop
from surgsam2_ros.tracking.preprocess import resize_logits
from surgsam2_ros.tracking.result import FrameResult, ObjectInfo, Track

if TYPE_CHECKING:
    from surgsam2_ros.tracking.view import Region


class Rendering(NamedTuple):
    """What was decoded of a frame, on the host and at image size.

    Attributes:
        label_image: uint8 [H, W], 0 or an instance; the highest logit wins.
        masks: N, may overlap.
        score: float [N] predicted IoU, 0 to 1.
        presence: float [N] probability of being visible.
        visible: bool [N], presence above the threshold.
    """

    label_image: np.ndarray
    masks: tuple[MaskCrop, ...]
    score: np.ndarray
    presence: np.ndarray
    visible: np.ndarray

    def to_result(
        self, frame_index: int, objects: Sequence[ObjectInfo], mask_logits: torch.Tensor
    ) -> FrameResult:
        """Say whose masks these are.

        Args:
            frame_index: of the frame.
            objects: N.
            mask_logits: [N, 1, S/4, S/4] of theirs.
        """
        tracks = tuple(
            Track(
                object_id=info.object_id,
                instance=info.instance,
                class_name=info.class_name,
                crop=self.masks[row],
                logits=mask_logits[row, 0],
                score=float(self.score[row]),
                presence=float(self.presence[row]),
                state=info.state,
                frames_since_seen=info.frames_since_seen,
            )
            for row, info in enumerate(objects)
        )
        return FrameResult(frame_index, self.label_image, tracks)


def render_masks(
    decoded: Decoded,
    instances: Sequence[int],
    region: Region,
    *,
    mask_threshold: float,
    presence_threshold: float,
) -> Rendering:
    """Upsample the mask logits of N >= 1 objects and cut them at the threshold.

    Args:
        decoded: of N objects.
        instances: their values in the label image.
        region: what of the image the network saw; masks are as large as the image.
        mask_threshold: mask logit above which a pixel is on the object.
        presence_threshold: probability above which an object is visible; the masks of others
            are empty.
    """
    visible = is_visible(decoded, presence_threshold)
    if decoded.mask_logits.is_cpu:
        return render_boxes(decoded, visible, instances, region, mask_threshold)
    return DeviceRendering(decoded, visible, instances, region, mask_threshold).finish()


def is_visible(decoded: Decoded, presence_threshold: float) -> torch.Tensor:
    """Return which objects are visible, bool [N]."""
    return decoded.presence_logits > presence_to_logit(presence_threshold)


def render_boxes(
    decoded: Decoded,
    visible: torch.Tensor,
    instances: Sequence[int],
    region: Region,
    threshold: float,
) -> Rendering:
    """Do what `render_masks` does, on the host; `visible` is bool [N]."""
    shown, logits = visible.tolist(), decoded.mask_logits[:, 0].float().numpy()  # [N, S/4, S/4]
    label_image = np.zeros(region.image_size, np.uint8)
    view = label_image[region.slices]
    masks: list[MaskCrop] = []
    drawn: list[LogitBox] = []
    for row, instance in enumerate(instances):
        box = resize_above(logits[row], region.size, threshold) if shown[row] else None
        if box is None:
            masks.append(MaskCrop.empty(region.image_size))
            continue
        inside = box.logits > threshold
        masks.append(_placed(inside, box.x, box.y, region))
        for earlier in drawn:
            _yield_where_lower(inside, box, earlier)
        drawn.append(box)
        height, width = inside.shape
        target = view[box.y : box.y + height, box.x : box.x + width]
        # NumPy takes ten times as long to copy under a mask.
        cv2.copyTo(np.full_like(target, instance), inside.view(np.uint8), target)
    return _rendering(label_image, masks, _scalars(decoded, visible).numpy())


def _yield_where_lower(inside: np.ndarray, box: LogitBox, earlier: LogitBox) -> None:
    """Clear the pixels of `box` that an earlier object keeps, as it does where both are equal."""
    left, top = max(box.x, earlier.x), max(box.y, earlier.y)
    right = min(box.x + box.logits.shape[1], earlier.x + earlier.logits.shape[1])
    bottom = min(box.y + box.logits.shape[0], earlier.y + earlier.logits.shape[0])
    if left >= right or top >= bottom:
        return
    here = slice(top - box.y, bottom - box.y), slice(left - box.x, right - box.x)
    there = (
        slice(top - earlier.y, bottom - earlier.y),
        slice(left - earlier.x, right - earlier.x),
    )
    inside[here] &= box.logits[here] > earlier.logits[there]


class DeviceRendering:
    """Masks and the label image, drawn on a device and on their way to the host.

    Args:
        decoded: of N >= 1 objects.
        visible: bool [N].
        instances, region, threshold: see `render_masks`.
    """

    def __init__(
        self,
        decoded: Decoded,
        visible: torch.Tensor,
        instances: Sequence[int],
        region: Region,
        threshold: float,
    ) -> None:
        logits = torch.where(
            visible[:, None, None, None], decoded.mask_logits.float(), ABSENT_LOGIT
        )
        logits = resize_logits(logits, region.size)[:, 0]  # [N, h, w]
        masks = logits > threshold
        labels = masks[0].view(torch.uint8) * instances[0]
        if len(instances) > 1:
            highest = logits[0].clamp_(min=threshold)
        for row in range(1, len(instances)):  # an argmax over the objects costs 20 times as much
            wins = (logits[row] > highest).view(torch.uint8)
            labels += (instances[row] - labels) * wins  # may wrap around; filling is slower
            torch.maximum(highest, logits[row], out=highest)
        scalars = _scalars(decoded, visible)
        parts = [scalars.view(torch.uint8), labels, packed_bits(masks)]
        self._region = region
        self._shapes = [scalars.shape, labels.shape, parts[2].shape]
        self._ends = np.cumsum([part.numel() for part in parts])[:-1]
        self._download = Download(torch.cat([part.flatten() for part in parts]))

    def scores(self) -> list[tuple[float, float]]:
        """Wait for predicted IoU and presence logit of each object."""
        scalars = self._parts()[0].view(np.float32).reshape(self._shapes[0])
        return [(float(row[0]), float(row[3])) for row in scalars]

    def finish(self) -> Rendering:
        """Wait for the masks."""
        region, (scalars, labels, bits) = self._region, self._parts()
        label_image = np.zeros(region.image_size, np.uint8)
        label_image[region.slices] = labels.reshape(self._shapes[1])
        masks = np.unpackbits(bits.reshape(self._shapes[2]), axis=2, count=region.size[1])
        return _rendering(
            label_image,
            [_placed(mask, 0, 0, region) for mask in masks.view(np.bool_)],
            scalars.view(np.float32).reshape(self._shapes[0]).copy(),
        )

    def _parts(self) -> list[np.ndarray]:
        return np.split(self._download.wait(), self._ends)


def packed_bits(masks: torch.Tensor) -> torch.Tensor:
    """Pack bool [N, h, w] as `numpy.packbits` does along w; uint8 [N, h, w / 8 rounded up]."""
    width = masks.shape[-1]
    bits = F.pad(masks.view(torch.uint8), (0, -width % 8)).unflatten(-1, (-1, 8))
    places = torch.arange(7, -1, -1, dtype=torch.uint8, device=masks.device)
    return (bits << places).sum(dim=-1, dtype=torch.uint8)


def _scalars(decoded: Decoded, visible: torch.Tensor) -> torch.Tensor:
    """Return score, presence, visibility and the logit of the presence, float [N, 4]."""
    logits = decoded.presence_logits
    return torch.stack([decoded.iou, logits.sigmoid(), visible, logits], dim=1).float()


def _placed(part: np.ndarray, x: int, y: int, region: Region) -> MaskCrop:
    """Place a part of a mask, bool [h, w], that begins at (x, y) of the region."""
    return MaskCrop.placed(part, region.x + x, region.y + y, region.image_size)


def _rendering(
    label_image: np.ndarray, masks: Sequence[MaskCrop], scalars: np.ndarray
) -> Rendering:
    return Rendering(
        label_image=label_image,
        masks=tuple(masks),
        score=scalars[:, 0].clip(0.0, 1.0),
        presence=scalars[:, 1],
        visible=scalars[:, 2] > 0.5,
    )
