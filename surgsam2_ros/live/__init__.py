# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What starts a node and drives it: the demo and its scenes, evaluation, benchmark, chaos, soak."""

NODE = '/surgsam2'
"""Name of a node that has a ROS domain to itself."""


class LiveError(RuntimeError):
    """A node could not be started or driven as wanted; the message says why and what to do."""
