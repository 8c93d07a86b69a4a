# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the network found in a frame, on its way to a result at the size of the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from surgsam2_ros.network import Decoded
from surgsam2_ros.tracking.config import TrackerConfig
from surgsam2_ros.tracking.prompts import Prompt
from surgsam2_ros.tracking.rendering import Rendering, render_masks
from surgsam2_ros.tracking.result import FrameResult, ObjectInfo
from surgsam2_ros.tracking.states import TrackState
from surgsam2_ros.tracking.tracked_object import TrackedObject
from surgsam2_ros.tracking.view import Region


@dataclass(frozen=True, eq=False)
class PendingResult:
    """A frame before its masks are drawn; `StreamingTracker.advance` makes it.

    Attributes:
        frame_index: of the frame.
        region: what of its image the network saw.
        objects: those that went through it.
        decoded: what the network says about them; None when there are none.
        config: thresholds.
        elapsed_ns: what counts as the time since the frame before [ns], see `FrameTime`.
        poor: for each object, whether its mask is too poor to act on; None when the memory does
            not depend on it: then `render` judges, without a wait for the device before it.
    """

    frame_index: int
    region: Region
    objects: tuple[TrackedObject, ...]
    decoded: Decoded | None
    config: TrackerConfig
    elapsed_ns: int
    poor: tuple[bool, ...] | None = None

    @torch.inference_mode()
    def render(self) -> FrameResult:
        """Draw the masks at image size and bring the states of the objects up to this frame.

        Call it once, and for the frames of a tracker in their order; another thread may do that
        while the tracker is at the next frame.
        """
        if self.decoded is None:
            return FrameResult(self.frame_index, np.zeros(self.region.image_size, np.uint8), ())
        instances = [tracked.instance for tracked in self.objects]
        rendering = _render(self.decoded, instances, self.region, self.config)
        for row, tracked in enumerate(self.objects):
            visible = bool(rendering.visible[row])
            if self.poor is None:
                poor = visible and tracked.quality.update(float(rendering.score[row]))
            else:
                poor = self.poor[row]
            seen = visible and rendering.masks[row].box is not None
            tracked.lifecycle.update(seen, poor, self.elapsed_ns)
        infos = [tracked.info for tracked in self.objects]
        return rendering.to_result(self.frame_index, infos, self.decoded.mask_logits)


def render_prompted(
    decoded: Decoded, prompts: Sequence[Prompt], region: Region, config: TrackerConfig
) -> FrameResult:
    """Draw objects of a single image that is part of no stream.

    Args:
        decoded: of one object per prompt.
        prompts: whose objects have the instances 1, 2, … in this order.
        region: what of the image the network saw.
        config: thresholds.
    """
    infos = [
        ObjectInfo(prompt.object_id, instance, prompt.class_name, TrackState.TENTATIVE, 0)
        for instance, prompt in enumerate(prompts, start=1)
    ]
    rendering = _render(decoded, [info.instance for info in infos], region, config)
    return rendering.to_result(-1, infos, decoded.mask_logits)


def _render(
    decoded: Decoded, instances: Sequence[int], region: Region, config: TrackerConfig
) -> Rendering:
    return render_masks(
        decoded,
        instances,
        region,
        mask_threshold=config.mask_threshold,
        presence_threshold=config.presence_threshold,
    )
