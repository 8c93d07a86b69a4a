# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the network found in a frame, on its way to a result at the size of the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from surgsam2_ros.tracking.mask_overlap import overlaps
from surgsam2_ros.tracking.rendering import (
    DeviceRendering,
    Rendering,
    is_visible,
    render_masks,
)
from surgsam2_ros.tracking.result import FrameResult, ObjectInfo
from surgsam2_ros.tracking.states import TrackState

if TYPE_CHECKING:
    from surgsam2_ros.network import Decoded
    from surgsam2_ros.tracking.config import TrackerConfig
    from surgsam2_ros.tracking.detector import PendingProposals
    from surgsam2_ros.tracking.prompts import Prompt
    from surgsam2_ros.tracking.tracked_object import TrackedObject
    from surgsam2_ros.tracking.view import Region


class Drawing:
    """Draws the masks of a frame: on a GPU at once, and sends them; on a CPU when they are wanted.

    Args:
        objects: those that go through the frame.
        region: what of its image the network sees.
        config: thresholds.
    """

    def __init__(
        self, objects: Sequence[TrackedObject], region: Region, config: TrackerConfig
    ) -> None:
        self._instances = [tracked.instance for tracked in objects]
        self._region, self._config = region, config
        self._on_device: DeviceRendering | None = None

    def start(self, decoded: Decoded) -> None:
        """Let the device draw; a second call does nothing."""
        if self._on_device is None and not decoded.mask_logits.is_cpu:
            visible = is_visible(decoded, self._config.presence_threshold)
            threshold = self._config.mask_threshold
            self._on_device = DeviceRendering(
                decoded, visible, self._instances, self._region, threshold
            )

    def scores(self, decoded: Decoded) -> list[tuple[float, float]]:
        """Return predicted IoU and presence logit of each object.

        A GPU sends them with the masks: one wait does for both.
        """
        self.start(decoded)
        return decoded.read_scores() if self._on_device is None else self._on_device.scores()

    def finish(self, decoded: Decoded) -> Rendering:
        """Return the masks."""
        if self._on_device is not None:
            return self._on_device.finish()
        return _render(decoded, self._instances, self._region, self._config)

    def rivals(self, rendering: Rendering) -> list[int | None]:
        """Return for each mask the row of the object whose mask covers too much of it, if any."""
        most = self._config.max_overlap
        if most >= 1.0:
            return [None] * len(rendering.masks)
        return [one.other if one.share > most else None for one in overlaps(rendering.masks)]


@dataclass(frozen=True, eq=False)
class PendingResult:
    """A frame before its masks are drawn; `StreamingTracker.advance` makes it.

    Attributes:
        frame_index: of the frame.
        region: what of its image the network saw.
        objects: those that went through it.
        decoded: what the network says about them; None when there are none.
        drawing: of their masks.
        elapsed_ns: what counts as the time since the frame before [ns], see `FrameTime`.
        poor: for each object, whether its mask is too poor to act on; None when the memory does
            not depend on it: then `render` judges, without a wait for the device before it.
        found: what the tracker's detector saw in the frame; None without one.
    """

    frame_index: int
    region: Region
    objects: tuple[TrackedObject, ...]
    decoded: Decoded | None
    drawing: Drawing
    elapsed_ns: int
    poor: tuple[bool, ...] | None = None
    found: PendingProposals | None = None

    @torch.inference_mode()
    def render(self) -> FrameResult:
        """Draw the masks at image size and bring the states of the objects up to this frame.

        Call it once, and for the frames of a tracker in their order; another thread may do that
        while the tracker is at the next frame.
        """
        result = self._render_tracks()
        return result if self.found is None else replace(result, proposals=self.found.finish())

    def _render_tracks(self) -> FrameResult:
        if self.decoded is None:
            return FrameResult(self.frame_index, np.zeros(self.region.image_size, np.uint8), ())
        rendering = self.drawing.finish(self.decoded)
        rivals = self.drawing.rivals(rendering)
        for row, tracked in enumerate(self.objects):
            visible = bool(rendering.visible[row])
            if self.poor is None:
                poor = visible and tracked.quality.update(float(rendering.score[row]))
            else:
                poor = self.poor[row]
            seen = visible and rendering.masks[row].box is not None
            rival = rivals[row]
            tracked.rival = '' if rival is None else self.objects[rival].object_id
            tracked.lifecycle.update(seen, poor or rival is not None, self.elapsed_ns)
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
