# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The state of a tracked object, which says how far its mask may be trusted."""

from __future__ import annotations

from collections import deque
from enum import IntEnum

RECOVERY_MARGIN = 0.03
"""A poor mask counts as good again only this far above the least quality, so that a quality near
the limit does not make the state flicker."""
SUDDEN_DROP = 0.15
"""A single frame this far below the least quality is poor at once, whatever came before it."""


FRAME_NS = 33_333_334
"""What an image without a stamp counts as: a thirtieth of a second, rounded up [ns]."""
LONGEST_STEP_NS = 500_000_000
"""Most that the time between two images counts, whatever their stamps say [ns]."""


class TrackState(IntEnum):
    """How far an object's mask may be trusted; the values are those of the Track message."""

    TENTATIVE = 0
    """Seen, but too new (or too newly found again) to be trusted."""
    TRACKED = 1
    """Seen, confirmed by enough frames, and with a mask that is good enough to act on."""
    OCCLUDED = 2
    """Not seen in this frame; expected back."""
    LOST = 3
    """Not seen for so long that a return needs confirmation."""
    UNCERTAIN = 4
    """Seen, but the mask's predicted quality is too low to act on it, or it lies on another's."""


class MaskQuality:
    """Tells from the predicted IoU whether an object's mask is too poor to act on.

    Its quality is the mean score of the newest frames in which it was visible. The mean, not the
    median: the worse a frame was, the better those after it must be. A mask turns poor when its
    quality falls below `min_quality`, or by one frame that is far below; it turns good again when
    the quality is RECOVERY_MARGIN above. So going bad is fast and becoming good again is slow.

    Attributes:
        poor: the newest verdict.
        scores: of the newest frames in which the object was visible, oldest first.
    """

    def __init__(self, min_quality: float, frames: int) -> None:
        """Start without a verdict against the mask.

        Args:
            min_quality: least mean predicted IoU of a good mask, 0 to 1; with 0 none is poor.
            frames: that the mean is taken over, at least 1.
        """
        self.poor = False
        self._min_quality = min_quality
        self._good_again = min(min_quality + RECOVERY_MARGIN, 1.0)
        self.scores: deque[float] = deque(maxlen=frames)

    def update(self, score: float) -> bool:
        """Account for a frame in which the object is visible; returns whether its mask is poor.

        Args:
            score: predicted IoU; what a network predicts beyond 0 and 1 counts as these.
        """
        score = min(max(score, 0.0), 1.0)
        self.scores.append(score)
        quality = sum(self.scores) / len(self.scores)
        if quality < self._min_quality or score < self._min_quality - SUDDEN_DROP:
            self.poor = True
        elif quality >= self._good_again:
            self.poor = False
        return self.poor


class FrameTime:
    """Counts the time from image to image that an object may have been out of sight for.

    Stamps that stand still or go back count nothing, and a long gap no more than LONGEST_STEP_NS:
    an object that may have been there while no image came was not missed. So no stamp, however
    wrong, costs an object its state; it takes images without it.
    """

    def __init__(self) -> None:
        """Start before the first image."""
        self._newest_ns: int | None = None

    def step(self, stamp_ns: int | None) -> int:
        """Account for the next image and return what counts as the time since the one before [ns].

        Args:
            stamp_ns: of the image [ns]; None where it has none, which counts FRAME_NS, as does an
                image after one without.
        """
        before_ns, self._newest_ns = self._newest_ns, stamp_ns
        if stamp_ns is None or before_ns is None:
            return FRAME_NS
        return min(max(stamp_ns - before_ns, 0), LONGEST_STEP_NS)


class Lifecycle:
    """Turns "seen or not" and "poor or not" per frame into a TrackState.

    An object is TENTATIVE until it was seen in `tentative_frames` frames, then TRACKED. While it is
    not seen it is OCCLUDED, and LOST once it was not seen in the images of `lost_after_s` seconds.
    From OCCLUDED a confirmed object returns to TRACKED at once; from LOST it starts over.
    Whenever it is seen with a mask that is poor, or that lies on another's, it is UNCERTAIN,
    however new; such frames confirm it all the same.
    """

    def __init__(self, tentative_frames: int, lost_after_s: float) -> None:
        """Start as TENTATIVE, with no frame seen."""
        self.state = TrackState.TENTATIVE
        self.frames_since_seen = 0
        self._tentative_frames = tentative_frames
        self._lost_after_ns = round(lost_after_s * 1e9)
        self._frames_seen = 0
        self._unseen_ns = 0

    @property
    def confirmed(self) -> bool:
        """Whether the object was seen in enough frames, be it lost now."""
        return self.state == TrackState.LOST or self._frames_seen >= self._tentative_frames

    def come_back(self, *, confirmed: bool, frames_since_seen: int) -> None:
        """Go on after a time in which nobody looked: to be believed, it must be seen anew.

        Args:
            confirmed: as the property was before; the object is LOST until it is seen, else
                TENTATIVE.
            frames_since_seen: as it was before.
        """
        self.state = TrackState.LOST if confirmed else TrackState.TENTATIVE
        self.frames_since_seen = frames_since_seen
        self._frames_seen = self._unseen_ns = 0

    def update(self, seen: bool, poor: bool = False, elapsed_ns: int = FRAME_NS) -> TrackState:
        """Account for one frame and return the new state.

        Args:
            seen: whether the object is in the frame.
            poor: whether its mask is not to be acted on; counts only where it was seen.
            elapsed_ns: time since the frame before [ns], see `FrameTime`.
        """
        if seen:
            self.frames_since_seen = self._unseen_ns = 0
            self._frames_seen += 1
            self.state = self._state_when_seen(poor)
        else:
            self.frames_since_seen += 1
            self._unseen_ns += elapsed_ns
            if self.state == TrackState.LOST or self._unseen_ns >= self._lost_after_ns:
                self.state = TrackState.LOST
                self._frames_seen = 0
            else:
                self.state = TrackState.OCCLUDED
        return self.state

    def _state_when_seen(self, poor: bool) -> TrackState:
        if poor:
            return TrackState.UNCERTAIN
        confirmed = self._frames_seen >= self._tentative_frames
        return TrackState.TRACKED if confirmed else TrackState.TENTATIVE
