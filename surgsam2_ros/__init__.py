# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Surgical instrument tracking for ROS 2 with SurgSAM2: masks with stable ids for every frame."""

__version__ = '0.1.0'
