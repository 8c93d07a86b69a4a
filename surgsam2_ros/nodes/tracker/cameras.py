# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The nodes of a process: one, or one for each of several cameras, which share a network."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from surgsam2_ros.nodes.tracker.life.restart import AUTO
from surgsam2_ros.nodes.tracker.node import SurgSam2Node
from surgsam2_ros.nodes.tracker.parameters import ParameterError
from surgsam2_ros.nodes.tracker.shared_network import SharedNetwork


def make_nodes(
    shared: SharedNetwork | None = None, *, cli_args: Sequence[str] = (), **node_options: Any
) -> list[SurgSam2Node]:
    """Make the node of the process, or of each of its `cameras` one.

    Args:
        shared: loads the network of several cameras; None makes one.
        cli_args, node_options: of rclpy's Node, for each.

    Raises:
        ParameterError: a parameter is wrong, or two cameras would be in each other's way.
    """
    node = SurgSam2Node(cli_args=list(cli_args), **node_options)
    cameras, outer = node.parameters.cameras, node.get_namespace()
    if not cameras:
        return [node]
    # It was made to read what it was told, by the rules of ROS; nobody has spun it.
    node.destroy_node()
    twice = [name for name, number in Counter(cameras).items() if number > 1]
    if twice:
        raise ParameterError(
            f'parameter cameras is {list(cameras)}, which names {twice[0]!r} twice; each camera '
            'needs a name of its own'
        )
    node_options.pop('namespace', None)
    shared = SharedNetwork(len(cameras)) if shared is None else shared
    with contextlib.ExitStack() as made:
        nodes = []
        for name in cameras:
            # The first rule counts, and that of a node before one of the process.
            namespace = ['--ros-args', '-r', f'__ns:={outer.rstrip("/")}/{name}', '--']
            node = SurgSam2Node(shared.load, cli_args=[*namespace, *cli_args], **node_options)
            made.callback(node.destroy_node)
            nodes.append(node)
        _check_snapshots(nodes)
        made.pop_all()
    return nodes


def close_all(nodes: Sequence[SurgSam2Node]) -> int:
    """Give everything back, of all nodes at the same time; returns what the process ends with."""
    if len(nodes) == 1:
        nodes[0].close()
    else:
        with ThreadPoolExecutor(len(nodes)) as pool:
            list(pool.map(SurgSam2Node.close, nodes))
    return next((node.exit_status for node in nodes if node.exit_status), 0)


def _check_snapshots(nodes: Sequence[SurgSam2Node]) -> None:
    """Refuse that two cameras write the same file.

    Raises:
        ParameterError: they would.
    """
    files = Counter(node.parameters.restart.snapshot_file for node in nodes)
    for file, number in files.items():
        if file not in ('', AUTO) and number > 1:
            raise ParameterError(
                f'parameter restart.snapshot_file is {file!r} for {number} cameras, which would '
                f'overwrite each other; set it to {AUTO}, or to a file of its own for each, below '
                f'the full name of its node, such as {nodes[0].get_fully_qualified_name()}'
            )
