# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Quality of service by name, for parameters, and the profiles of the node's own topics."""

from __future__ import annotations

from rclpy.duration import Duration
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSProfile,
    ReliabilityPolicy,
)

_RELIABILITY = {
    'SENSOR_DATA': ReliabilityPolicy.BEST_EFFORT,
    'DEFAULT': ReliabilityPolicy.RELIABLE,
    'SYSTEM_DEFAULT': ReliabilityPolicy.SYSTEM_DEFAULT,
}


def qos_profile(name: str, depth: int = 1) -> QoSProfile:
    """Return a volatile profile that keeps the last `depth` messages.

    Args:
        name: SENSOR_DATA (best effort, receives from reliable publishers too), DEFAULT (reliable)
            or SYSTEM_DEFAULT (what the middleware is set to).
        depth: messages kept.

    Raises:
        ValueError: for another name.
    """
    if name not in _RELIABILITY:
        raise ValueError(
            f'quality of service {name!r} is not known; use one of {", ".join(_RELIABILITY)}'
        )
    durability = (
        DurabilityPolicy.SYSTEM_DEFAULT if name == 'SYSTEM_DEFAULT' else DurabilityPolicy.VOLATILE
    )
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=_RELIABILITY[name],
        durability=durability,
    )


def tracks_profile(deadline_ms: float = 0.0, liveliness_lease_ms: float = 0.0) -> QoSProfile:
    """Return what is offered on `~/tracks`: reliable, last 5.

    Without deadline and lease it fits every subscriber that asks for volatile messages.

    Args:
        deadline_ms: longest time between two results [ms]; 0 promises none.
        liveliness_lease_ms: longest time without a sign of life of the tracker [ms], which it
            gives for this topic; 0 leaves that to the process.
    """
    profile = qos_profile('DEFAULT', 5)
    if deadline_ms > 0:
        profile.deadline = Duration(nanoseconds=round(deadline_ms * 1e6))
    if liveliness_lease_ms > 0:
        profile.liveliness = LivelinessPolicy.MANUAL_BY_TOPIC
        profile.liveliness_lease_duration = Duration(nanoseconds=round(liveliness_lease_ms * 1e6))
    return profile


PROMPTS = qos_profile('DEFAULT', 10)
DETECTIONS = qos_profile('DEFAULT', 10)
EVENTS = qos_profile('DEFAULT', 50)
TRACKS = tracks_profile()
LABEL_IMAGE = qos_profile('DEFAULT', 1)
OVERLAY = qos_profile('SENSOR_DATA', 1)
STATUS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
DIAGNOSTICS = qos_profile('DEFAULT', 10)
SERVICES = qos_profile('DEFAULT', 100)
"""Requests that wait: beyond ROS's default of 10, those that come at once are lost unanswered."""
