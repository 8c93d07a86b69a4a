# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a prompt selects in one picture, alone or as a correction of the mask shown there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.tracking import MaskCrop, PreparedFrame, Prompt, StreamingTracker, TrackerConfig
from surgsam2_ros.tracking.prompts import check_fit, check_shape, mask_of


class Selected(NamedTuple):
    """What a prompt selects: the mask, its predicted IoU and its presence, both 0 to 1."""

    crop: MaskCrop
    score: float
    presence: float


class Selection:
    """Answers prompts on single pictures; threads may share it, one is answered at a time.

    What the network sees in the newest picture is kept, so that a second prompt in it is cheap. All
    of it is done on one thread: the C library keeps what the network needs once for each thread
    that ever ran it.
    """

    def __init__(self, network: SurgSAM2, config: TrackerConfig) -> None:
        """Answer with this network.

        Args:
            network: with weights.
            config: of the tracker that will follow what is selected.
        """
        self._tracker = StreamingTracker(network, replace(config, replay_frames=0))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix='selection')
        self._newest: tuple[np.ndarray, PreparedFrame] | None = None

    def select(self, rgb: np.ndarray, prompt: Prompt, shown: MaskCrop | None) -> Selected:
        """Return what a prompt selects.

        Clicks on an object that is shown correct its mask: the picture is tracked twice, at first
        with that mask as it is, then with the clicks. A box replaces it; a mask is what it is, to
        the pixel.

        Args:
            rgb: uint8 [H, W, 3].
            prompt: for one object.
            shown: the object's mask in this picture; None when it has none.

        Raises:
            PromptError: when the prompt cannot be used.
        """
        check_shape(prompt)
        check_fit(prompt, rgb.shape[:2])
        if prompt.mask is not None:
            return Selected(MaskCrop.of(mask_of(prompt)), 1.0, 1.0)
        corrects = shown is not None and shown.box is not None and prompt.box is None
        return self._thread.submit(self._track, rgb, prompt, shown if corrects else None).result()

    def close(self) -> None:
        """End the thread when what was asked is answered."""
        self._thread.shutdown()

    def _track(self, rgb: np.ndarray, prompt: Prompt, corrected: MaskCrop | None) -> Selected:
        frame = self._prepare(rgb)
        try:
            if corrected is not None:
                mask = corrected.expand()
                self._tracker.add_objects([Prompt(prompt.object_id, mask=mask)])
                self._tracker.track(frame)
            self._tracker.add_objects([prompt], image_size=rgb.shape[:2])
            (track,) = self._tracker.track(frame).tracks
        finally:
            self._tracker.reset()
        return Selected(track.crop, track.score, track.presence)

    def _prepare(self, rgb: np.ndarray) -> PreparedFrame:
        if self._newest is None or self._newest[0] is not rgb:
            self._newest = rgb, self._tracker.prepare(rgb)
        return self._newest[1]
