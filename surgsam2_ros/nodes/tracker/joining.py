# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Joins the ROS graph before the libraries of the node are loaded, which takes seconds.

The middleware needs up to two seconds until everybody knows a new process; topics of one that is
known already are connected within milliseconds. So a node that was started anew has its camera and
its subscribers when it is ready. Imports rclpy alone.
"""

from __future__ import annotations

import os

import rclpy
from rclpy.node import Node


def join(args: list[str] | None) -> Node:
    """Start ROS and make a hidden node without topics, for as long as the real one is not there.

    Args:
        args: the command line; None is that of the process.

    Returns:
        the hidden node, to be destroyed when there is another: all nodes of a process are one
        participant, which leaves with the last of them.
    """
    rclpy.init(args=args)
    return rclpy.create_node(
        f'_surgsam2_{os.getpid()}',  # `ros2 node list` hides what begins with an underscore
        use_global_arguments=False,
        enable_rosout=False,
        start_parameter_services=False,
    )
