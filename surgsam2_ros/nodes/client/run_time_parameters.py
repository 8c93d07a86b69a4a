# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of a running node that may change while it tracks, and their values.

Which they are, and what they allow, is told by the schema that the node declares them from.
"""

from __future__ import annotations

import time
from typing import Any

from rcl_interfaces.srv import GetParameters
from rclpy.node import Node
from rclpy.parameter import parameter_value_to_python

from surgsam2_ros.nodes.client.asking import ask, await_service
from surgsam2_ros.nodes.tracker.parameters import ParameterSpec, parameter_schema


def changeable_parameters() -> tuple[ParameterSpec, ...]:
    """Return the parameters that take effect with the next image, in the schema's order."""
    return tuple(spec for spec in parameter_schema().values() if spec.changes == 'any_time')


def read_changeable(node: Node, target: str, timeout_s: float) -> dict[str, Any]:
    """Return the present values of `changeable_parameters` by name.

    Args:
        node: asks; it has to be spun in another thread.
        target: name of the node that is asked.
        timeout_s: longest wait [s].

    Raises:
        SurgSam2Error: the node is not there, or did not answer.
    """
    deadline = time.monotonic() + timeout_s
    names = [spec.name for spec in changeable_parameters()]
    client = node.create_client(GetParameters, f'{target}/get_parameters')
    try:
        await_service(client, timeout_s)
        answer = ask(client, GetParameters.Request(names=names), deadline)
    finally:
        node.destroy_client(client)
    # Zip ends early where a node of another version lacks one: it then answers with none at all.
    return dict(zip(names, map(parameter_value_to_python, answer.values), strict=False))
