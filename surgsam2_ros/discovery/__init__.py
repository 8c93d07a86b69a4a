# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The overseer: proposals in, prompts and identities out. Pure decisions, no ROS."""

from surgsam2_ros.discovery.observation import Action, Decision, Known, Observation
from surgsam2_ros.discovery.overseer import Overseer
from surgsam2_ros.discovery.settings import DiscoverySettings

__all__ = ['Action', 'Decision', 'DiscoverySettings', 'Known', 'Observation', 'Overseer']
