# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Joins the ROS graph before the libraries of the node are loaded, which takes seconds.

The middleware needs up to three seconds until everybody knows a new process, or one with the
profile in config/fastdds.xml; topics of one that is known already are connected within
milliseconds. So a node that was started anew has its camera and its subscribers when it is ready.
Imports rclpy alone.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

import rclpy
from rclpy.node import Node

PLACES = 16
"""So many free participant ids are taken in turn, by the id of the process."""


def join(args: list[str] | None) -> Node:
    """Start ROS and make a hidden node without topics, for as long as the real one is not there.

    Args:
        args: the command line; None is that of the process.

    Returns:
        the hidden node, to be destroyed when there is another: all nodes of a process are one
        participant, which leaves with the last of them.
    """
    rclpy.init(args=args)
    with _taken(os.getpid() % PLACES, rclpy.get_default_context().get_domain_id()):
        return rclpy.create_node(
            f'_surgsam2_{os.getpid()}',  # `ros2 node list` hides what begins with an underscore
            use_global_arguments=False,
            enable_rosout=False,
            start_parameter_services=False,
        )


def discovery_port(participant_id: int, domain_id: int) -> int:
    """Return the UDP port on which a participant is discovered (RTPS 2.5, section 9.6.2.3)."""
    return 7400 + 250 * domain_id + 10 + 2 * participant_id


@contextlib.contextmanager
def _taken(ids: int, domain_id: int) -> Iterator[None]:
    """Hold the ports of the first free participant ids, so that the middleware takes a later one.

    Fast DDS takes the first free id, which after a crash is that of the process that died, and
    names its shared memory after it. Who sent to the dead process may go on writing into memory
    that nobody reads, and the new one gets nothing (Fast DDS issues 5053 and 5469). Ids of others
    do not count, lest two processes that follow each other end beyond the same ones.
    """
    with contextlib.ExitStack() as stack:
        for participant_id in range(2 * PLACES):
            if not ids:
                break
            one = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            with contextlib.suppress(OSError):  # another participant has it
                one.bind(('', discovery_port(participant_id, domain_id)))
                ids -= 1
        yield
