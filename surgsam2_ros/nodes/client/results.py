# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the client returns and raises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from lifecycle_msgs.msg import State

from surgsam2_msgs.msg import Track


class SurgSam2Error(RuntimeError):
    """The node refused a request, or did not answer.

    Attributes:
        object_ids: the objects at fault, where the node named them.
    """

    def __init__(self, message: str, object_ids: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.object_ids = tuple(object_ids)


class NodeState(IntEnum):
    """Lifecycle states and transitions under way, as numbered by lifecycle_msgs/State."""

    UNKNOWN = State.PRIMARY_STATE_UNKNOWN
    UNCONFIGURED = State.PRIMARY_STATE_UNCONFIGURED
    INACTIVE = State.PRIMARY_STATE_INACTIVE
    ACTIVE = State.PRIMARY_STATE_ACTIVE
    FINALIZED = State.PRIMARY_STATE_FINALIZED
    CONFIGURING = State.TRANSITION_STATE_CONFIGURING
    CLEANING_UP = State.TRANSITION_STATE_CLEANINGUP
    SHUTTING_DOWN = State.TRANSITION_STATE_SHUTTINGDOWN
    ACTIVATING = State.TRANSITION_STATE_ACTIVATING
    DEACTIVATING = State.TRANSITION_STATE_DEACTIVATING
    ERROR_PROCESSING = State.TRANSITION_STATE_ERRORPROCESSING

    @property
    def is_transition(self) -> bool:
        """Whether the node is on its way to another state."""
        return self >= NodeState.CONFIGURING


class ObjectState(IntEnum):
    """How far an object's mask may be trusted, as numbered by surgsam2_msgs/Track."""

    TENTATIVE = Track.TENTATIVE
    TRACKED = Track.TRACKED
    OCCLUDED = Track.OCCLUDED
    LOST = Track.LOST
    UNCERTAIN = Track.UNCERTAIN


@dataclass(frozen=True)
class TrackedObject:
    """An object that the node follows, as of its last image."""

    object_id: str
    instance: int
    class_name: str
    state: ObjectState
    frames_since_seen: int


@dataclass(frozen=True, eq=False)
class Segment:
    """An object found by `segment`: mask bool [H, W], predicted IoU and presence 0 to 1."""

    object_id: str
    mask: np.ndarray
    score: float
    presence: float
