# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The state of a tracked object, which says how far its mask may be trusted."""

from __future__ import annotations

from enum import IntEnum


class TrackState(IntEnum):
    """How far an object's mask may be trusted; the values are those of the Track message."""

    TENTATIVE = 0
    """Seen, but too new (or too newly found again) to be trusted."""
    TRACKED = 1
    """Seen, and confirmed by enough frames."""
    OCCLUDED = 2
    """Not seen in this frame; expected back."""
    LOST = 3
    """Not seen for so long that a return needs confirmation."""


class Lifecycle:
    """Turns "seen or not" per frame into a TrackState.

    An object is TENTATIVE until it was seen in `tentative_frames` frames, then TRACKED. While it is
    not seen it is OCCLUDED, and LOST once `lost_after_frames` frames in a row went by without it.
    From OCCLUDED a confirmed object returns to TRACKED at once; from LOST it starts anew.
    """

    def __init__(self, tentative_frames: int, lost_after_frames: int) -> None:
        """Start as TENTATIVE, with no frame seen."""
        self.state = TrackState.TENTATIVE
        self.frames_since_seen = 0
        self._tentative_frames = tentative_frames
        self._lost_after_frames = lost_after_frames
        self._frames_seen = 0

    def update(self, seen: bool) -> TrackState:
        """Account for one frame and return the new state."""
        if seen:
            self.frames_since_seen = 0
            self._frames_seen += 1
            confirmed = self._frames_seen >= self._tentative_frames
            self.state = TrackState.TRACKED if confirmed else TrackState.TENTATIVE
        else:
            self.frames_since_seen += 1
            if self.frames_since_seen >= self._lost_after_frames:
                self.state = TrackState.LOST
                self._frames_seen = 0
            else:
                self.state = TrackState.OCCLUDED
        return self.state
