# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Stands in for the ROS package bondpy, which no wheel has; on sys.path where a test wants it."""
