# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Quality of service by name, for parameters, and the profiles of the node's own topics."""

from __future__ import annotations

from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
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


PROMPTS = qos_profile('DEFAULT', 10)
TRACKS = qos_profile('DEFAULT', 5)
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
