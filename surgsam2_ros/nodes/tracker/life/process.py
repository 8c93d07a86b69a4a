# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The life of the process of one node or several: made, spun by the main thread, given back."""

from __future__ import annotations

import os
from typing import NoReturn

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.logging import get_logger
from rclpy.node import Node

from surgsam2_ros.heap import keep_freed_memory, keep_giving_back
from surgsam2_ros.nodes.tracker.cameras import close_all, make_nodes
from surgsam2_ros.nodes.tracker.life.ending import ProcessEnd
from surgsam2_ros.nodes.tracker.life.spinning import spin
from surgsam2_ros.nodes.tracker.parameters import ParameterError


def run(herald: Node, ending: ProcessEnd) -> NoReturn:
    """Run the node, or one for each camera, until the process is told to end, and end it.

    Args:
        herald: has joined the graph; destroyed when the nodes are there.
        ending: takes the signals.
    """
    keep_freed_memory()
    keep_giving_back()  # for as long as the process lives
    try:
        nodes = make_nodes()
        herald.destroy_node()
        executor = SingleThreadedExecutor()
        for node in nodes:
            executor.add_node(node)
    except ParameterError as error:
        get_logger('surgsam2').fatal(str(error))
        ending.status = os.EX_CONFIG
    except Exception:
        if rclpy.ok():
            raise
        # Told to end meanwhile: half of a node, for want of a context.
    else:
        spin(executor, nodes[0].reporter.report_exception)
        ending.status = close_all(nodes)
        executor.shutdown()
        for node in nodes:
            node.destroy_node()
    rclpy.try_shutdown()
    ending.finish()
