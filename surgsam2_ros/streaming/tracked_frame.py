# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the inference thread hands out: a frame with what was found in it, answers to prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from surgsam2_ros.streaming.frame_slot import ReceivedFrame
from surgsam2_ros.tracking import FrameResult


@dataclass(frozen=True, eq=False)
class TrackedFrame:
    """One frame with what was found in it.

    Attributes:
        received: the image message, its stamp and its time of arrival.
        rgb: the decoded image, uint8 [H, W, 3].
        result: what the tracker found.
        dropped_since_last: frames that went untracked since the previous TrackedFrame.
        inference_ms: time that network and tracker took for this frame, waits left out [ms].
        session: number that changes when all objects are forgotten.
    """

    received: ReceivedFrame
    rgb: np.ndarray
    result: FrameResult
    dropped_since_last: int
    inference_ms: float
    session: int


@dataclass(frozen=True)
class PromptOutcome:
    """Answer to a PromptRequest that was fulfilled.

    Attributes:
        objects: all living objects (tracking.ObjectInfo).
        moved_ns: stamp of the conditioned frame minus the stamp asked for [ns].
    """

    objects: tuple[Any, ...]
    moved_ns: int
