# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Conversions between ROS messages and what the core works on, and the QoS of every topic."""
