# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What was seen of a node, as plain values; all times are of the monotonic clock [s]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class StatusSeen(NamedTuple):
    """A TrackerStatus that came; the fields are the message's."""

    at_s: float
    lifecycle_state: int
    enabled: bool
    frames_received: int
    frames_processed: int
    frames_dropped: int
    num_objects: int
    message: str


class TracksSeen(NamedTuple):
    """A TrackArray that came.

    Attributes:
        at_s: when.
        stamp_ns: of its image.
        session, frame_index, dropped_since_last: the message's.
        latency_ms: the message's [ms].
        instances: object id -> value in the label image.
    """

    at_s: float
    stamp_ns: int
    session: int
    frame_index: int
    dropped_since_last: int
    latency_ms: float
    instances: Mapping[str, int]


class DiagnosticSeen(NamedTuple):
    """A report on /diagnostics that came: level 0 OK, 1 WARN, 2 ERROR, and its text."""

    at_s: float
    level: int
    message: str


class Answers(NamedTuple):
    """What became of requests to a service.

    Attributes:
        service: its name.
        sent, answered: how many.
        refused: answers without success, where the service tells.
        slowest_s: longest wait for an answer [s].
    """

    service: str
    sent: int
    answered: int
    refused: int
    slowest_s: float

    @property
    def lost(self) -> int:
        """Requests that were never answered."""
        return self.sent - self.answered
