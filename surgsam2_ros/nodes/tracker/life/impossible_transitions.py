# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Answers requests for transitions that the present state does not have.

rclpy does so since Kilted. In Jazzy it raises in the service, and who asked waits for ever.
"""

from __future__ import annotations

from lifecycle_msgs.srv import ChangeState
from rclpy.lifecycle import LifecycleNode


def refuse_impossible_transitions(node: LifecycleNode) -> None:
    """Have `~/change_state` of a new node refuse what its state does not have."""
    service = next(item for item in node.services if item.srv_type is ChangeState)
    change_state = service.callback

    def answer(request: ChangeState.Request, response: ChangeState.Response):
        try:
            return change_state(request, response)
        except RuntimeError as error:  # rclpy's RCLError is one
            transition = request.transition.label or request.transition.id
            node.get_logger().error(f'transition {transition} is not possible now: {error}')
            response.success = False
            return response

    service.callback = answer
