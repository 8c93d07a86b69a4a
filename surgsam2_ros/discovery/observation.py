# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the overseer is told about an image, and what it decides."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from surgsam2_ros.tracking.mask_crop import MaskCrop
from surgsam2_ros.tracking.proposal import Proposal
from surgsam2_ros.tracking.states import TrackState


@dataclass(frozen=True, eq=False)
class Known:
    """One tracked object in one image.

    Attributes:
        object_id: its name.
        crop: its mask, empty where it is not seen.
        state: how far to trust that.
    """

    object_id: str
    crop: MaskCrop
    state: TrackState

    @property
    def is_seen(self) -> bool:
        """Whether it is in the image."""
        return self.crop.box is not None and not self.is_away

    @property
    def is_away(self) -> bool:
        """Whether it is expected back."""
        return self.state in (TrackState.OCCLUDED, TrackState.LOST)


@dataclass(frozen=True, eq=False)
class Observation:
    """One tracked image.

    Attributes:
        frame_index: of the tracker.
        stamp_ns: of the image [ns]; 0 is none.
        time_s: counted from image to image, never going back [s].
        known: all objects.
        picture: uint8 [h, w, 3], the image or a smaller copy of it, for looks; None without.
    """

    frame_index: int
    stamp_ns: int
    time_s: float
    known: tuple[Known, ...]
    picture: np.ndarray | None = None

    def find(self, object_id: str) -> Known | None:
        """Return an object, None where it is not known."""
        return next((one for one in self.known if one.object_id == object_id), None)


class Action(str, Enum):
    """What a decision does; the values are those of the Event message."""

    START = 'start'
    RETAKE = 'retake'
    CORRECT = 'correct'
    END = 'end'
    REFUSE = 'refuse'
    DISMISS = 'dismiss'


@dataclass(frozen=True, eq=False)
class Decision:
    """What is to be done, or was not done, and why.

    Attributes:
        action: START, RETAKE and CORRECT prompt the object with the proposal's box, END removes
            it; REFUSE and DISMISS do nothing.
        object_id: the object; empty where it is about none.
        why: the reason in words.
        seen_in: the image that the decision is about, the prompted one.
        proposal: what prompts the object.
    """

    action: Action
    object_id: str
    why: str
    seen_in: Observation
    proposal: Proposal | None = None
