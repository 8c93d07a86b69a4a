# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Everything that touches rclpy: the lifecycle node, its parameters, messages and diagnostics."""
