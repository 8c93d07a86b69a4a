# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Calls a running node from Python: `SurgSam2Client`."""

from surgsam2_ros.nodes.client.client import TRACKS, SurgSam2Client, SurgSam2Error

__all__ = ['TRACKS', 'SurgSam2Client', 'SurgSam2Error']
