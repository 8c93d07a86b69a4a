# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the network found in a frame, on its way to a result at the size of the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from surgsam2_ros.tracking.config import TrackerConfig
from surgsam2_ros.tracking.estimate import Estimate
from surgsam2_ros.tracking.prompts import Prompt
from surgsam2_ros.tracking.rendering import Rendering, render_masks
from surgsam2_ros.tracking.result import FrameResult, Track
from surgsam2_ros.tracking.states import TrackState
from surgsam2_ros.tracking.tracked_object import TrackedObject
from surgsam2_ros.tracking.view import Region


@dataclass(frozen=True, eq=False)
class Outcome:
    """The objects of a frame before their masks are drawn; `StreamingTracker.advance` makes it.

    Attributes:
        frame_index: of the frame.
        region: what of its image the network saw.
        objects: those that went through it.
        estimate: what the network says about them; None when there are none.
        config: thresholds.
        poor: for each object, whether its mask is too poor to act on; None when the memory does
            not depend on it: then `render` judges, without a wait for the device before it.
    """

    frame_index: int
    region: Region
    objects: tuple[TrackedObject, ...]
    estimate: Estimate | None
    config: TrackerConfig
    poor: tuple[bool, ...] | None = None

    @torch.inference_mode()
    def render(self) -> FrameResult:
        """Draw the masks at image size and bring the states of the objects up to this frame.

        Call it once, and for the outcomes of a tracker in their order; another thread may do that
        while the tracker is at the next frame.
        """
        if self.estimate is None:
            return FrameResult(self.frame_index, np.zeros(self.region.image_size, np.uint8), ())
        rendering = render_masks(
            self.estimate,
            [tracked.instance for tracked in self.objects],
            self.region,
            mask_threshold=self.config.mask_threshold,
            presence_threshold=self.config.presence_threshold,
        )
        verdicts = self.poor or (None,) * len(self.objects)
        tracks = tuple(
            _track(tracked, row, rendering, self.estimate.logits[row, 0], verdicts[row])
            for row, tracked in enumerate(self.objects)
        )
        return FrameResult(self.frame_index, rendering.label_image, tracks)


def _track(
    tracked: TrackedObject,
    row: int,
    rendering: Rendering,
    logits: torch.Tensor,
    poor: bool | None,
) -> Track:
    """Account for the newest frame of an object and return its part of the result.

    Args:
        tracked: the object.
        row: its row in the rendering.
        rendering: of all objects.
        logits: [S/4, S/4] of this one.
        poor: whether its mask is too poor to act on; None where that is still to be judged.
    """
    crop, score = rendering.masks[row], float(rendering.score[row])
    visible = bool(rendering.visible[row])
    if poor is None:
        poor = visible and tracked.quality.update(score)
    state = tracked.lifecycle.update(visible and crop.box is not None, poor)
    return Track(
        object_id=tracked.object_id,
        instance=tracked.instance,
        class_name=tracked.class_name,
        crop=crop,
        logits=logits,
        score=score,
        presence=float(rendering.presence[row]),
        state=state,
        frames_since_seen=tracked.lifecycle.frames_since_seen,
    )


def render_prompted(
    estimate: Estimate, prompts: Sequence[Prompt], region: Region, config: TrackerConfig
) -> FrameResult:
    """Draw objects of a single image that is part of no stream.

    Args:
        estimate: of one object per prompt.
        prompts: whose objects have the instances 1, 2, … in this order.
        region: what of the image the network saw.
        config: thresholds.
    """
    instances = range(1, len(prompts) + 1)
    rendering = render_masks(
        estimate,
        instances,
        region,
        mask_threshold=config.mask_threshold,
        presence_threshold=config.presence_threshold,
    )
    tracks = tuple(
        Track(
            object_id=prompt.object_id,
            instance=instance,
            class_name=prompt.class_name,
            crop=rendering.masks[row],
            logits=estimate.logits[row, 0],
            score=float(rendering.score[row]),
            presence=float(rendering.presence[row]),
            state=TrackState.TENTATIVE,
            frames_since_seen=0,
        )
        for row, (instance, prompt) in enumerate(zip(instances, prompts, strict=True))
    )
    return FrameResult(-1, rendering.label_image, tracks)
