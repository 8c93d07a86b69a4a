# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How many endpoints a node has in the ROS graph."""

from __future__ import annotations

import contextlib

from rclpy.node import Node


def count_endpoints(node: Node, target: str) -> int:
    """Return the publishers, subscriptions, services and clients of another node.

    Args:
        node: looks at the graph.
        target: full name of the node that is counted; 0 while it is not there.
    """
    namespace, _, name = target.rpartition('/')
    namespace = namespace or '/'
    count = 0
    for topic, _types in node.get_topic_names_and_types(no_demangle=False):
        infos = node.get_publishers_info_by_topic(topic) + node.get_subscriptions_info_by_topic(
            topic
        )
        count += sum(info.node_name == name and info.node_namespace == namespace for info in infos)
    with contextlib.suppress(RuntimeError):  # rclpy's NodeNameNonExistentError
        count += len(node.get_service_names_and_types_by_node(name, namespace))
        count += len(node.get_client_names_and_types_by_node(name, namespace))
    return count
