# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the tracker says about one frame: a label image and one Track per object."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from surgsam2_ros.tracking.states import TrackState

if TYPE_CHECKING:
    from surgsam2_ros.tracking.mask_crop import MaskCrop
    from surgsam2_ros.tracking.proposal import Proposal


@dataclass(frozen=True, eq=False)
class Track:
    """One object in one frame.

    Attributes:
        object_id: the name its prompt gave it.
        instance: its value in label images, 1 to 254, the same for its whole life.
        class_name: as given with its prompt, may be empty.
        crop: its mask, cropped to its box; `mask` is made of that when it is asked for.
        logits: float [S/4, S/4] mask logits on the network's device, -1024 when absent.
        score: predicted IoU of the mask, 0 to 1; `appearance_model.judge` says what else is in it.
        presence: probability that the object is visible, 0 to 1.
        state: how far to trust it.
        frames_since_seen: 0 when seen in this frame.
    """

    object_id: str
    instance: int
    class_name: str
    crop: MaskCrop
    logits: torch.Tensor
    score: float
    presence: float
    state: TrackState
    frames_since_seen: int

    @cached_property
    def mask(self) -> np.ndarray:
        """The mask at image size, bool [H, W]; masks of different objects may overlap."""
        return self.crop.expand()

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """Tight box (x, y, width, height) of the mask in pixels; None when it is empty."""
        return self.crop.box

    @property
    def area(self) -> int:
        """Pixels of the mask."""
        return self.crop.area

    @property
    def centroid(self) -> tuple[float, float] | None:
        """Mean pixel (x, y) of the mask; None when it is empty."""
        return self.crop.centroid


@dataclass(frozen=True, eq=False)
class FrameResult:
    """All objects in one frame.

    Attributes:
        frame_index: 0 for the first frame since the last reset; -1 for a single image that is
            not part of the stream.
        label_image: uint8 [H, W]; 0 is background, other values are `Track.instance`. Where
            masks overlap the object with the highest mask logit wins.
        tracks: one per object, in the order in which they were added.
        proposals: what the tracker's own detector found in the frame, the most certain first;
            empty without one.
    """

    frame_index: int
    label_image: np.ndarray
    tracks: tuple[Track, ...]
    proposals: tuple[Proposal, ...] = ()

    def tracked_label_image(self) -> np.ndarray:
        """Return the label image of the TRACKED objects alone, uint8 [H, W].

        A pixel that another object had won goes to the TRACKED one whose mask has it, if any; of
        several to the one with the highest score.
        """
        left_out = [track for track in self.tracks if track.state != TrackState.TRACKED]
        if not left_out:
            return self.label_image
        shown_as = np.arange(256, dtype=np.uint8)
        shown_as[[track.instance for track in left_out]] = 0
        labels = cv2.LUT(self.label_image, shown_as)
        freed = labels != self.label_image
        kept = (track for track in self.tracks if track.state == TrackState.TRACKED and track.box)
        for track in sorted(kept, key=lambda track: track.score):
            x, y, width, height = track.box
            within = slice(y, y + height), slice(x, x + width)
            labels[within][freed[within] & track.crop.pixels] = track.instance
        return labels


@dataclass(frozen=True)
class ObjectInfo:
    """An object that the tracker follows, as of the newest frame.

    Attributes:
        object_id, instance, class_name, state, frames_since_seen: as in Track.
        rival: id of the object whose mask covers more of this one's than `max_overlap`; else empty.
    """

    object_id: str
    instance: int
    class_name: str
    state: TrackState
    frames_since_seen: int
    rival: str = ''
