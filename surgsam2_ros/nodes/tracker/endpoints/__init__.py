# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the node has in the ROS graph: images and prompts in, services, results out."""
