# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Calls a running node from Python: `SurgSam2Client`."""

from surgsam2_ros.nodes.client.client import SurgSam2Client
from surgsam2_ros.nodes.client.results import (
    NodeState,
    ObjectState,
    Segment,
    SurgSam2Error,
    TrackedObject,
)

__all__ = [
    'NodeState',
    'ObjectState',
    'Segment',
    'SurgSam2Client',
    'SurgSam2Error',
    'TrackedObject',
]
