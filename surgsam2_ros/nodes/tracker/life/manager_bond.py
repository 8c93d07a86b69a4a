# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The bond by which a lifecycle manager, such as nav2's, notices that the node's process is gone.

`bondpy` is imported when a bond is asked for, since few installations have it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node

TOPIC = 'bond'  # where nav2's manager and its nodes exchange heartbeats
HEARTBEAT_S = 0.1


class BondError(RuntimeError):
    """A bond is asked for and cannot be made; the message says why and what to do."""


def require_bond(timeout_s: float) -> None:
    """Check that a bond can be made.

    Args:
        timeout_s: the parameter bond_timeout_s; 0 asks for none.

    Raises:
        BondError: bondpy is missing. A manager would wait for the bond and give the node up.
    """
    if timeout_s > 0:
        _bond_class(timeout_s)


def _bond_class(timeout_s: float) -> Any:
    try:
        from bondpy.bondpy import Bond
    except ImportError as error:
        raise BondError(
            f'bond_timeout_s is {timeout_s:g}, but bondpy cannot be imported ({error}); install '
            'the ROS package bondpy (the one of this name on PyPI is something else), or set '
            'bond_timeout_s to 0 here and bond_timeout to 0.0 in the lifecycle manager'
        ) from error
    return Bond


class ManagerBond:
    """A bond under the name of the node, which lives as long as the node is active.

    Args:
        node: its name is the bond's; its namespace must be the manager's.
        warn: receives a sentence when the manager's heartbeats stop.
    """

    def __init__(self, node: Node, warn: Callable[[str], None]) -> None:
        self._node, self._warn = node, warn
        self._bond: Any = None

    def form(self, timeout_s: float) -> None:
        """Begin to send heartbeats, and to expect them; 0 does nothing.

        Args:
            timeout_s: without a heartbeat for so long the other side counts as gone [s].
        """
        if timeout_s <= 0:
            return
        bond = _bond_class(timeout_s)(TOPIC, self._node.get_name(), self._node, self._broken)
        bond.heartbeat_period = HEARTBEAT_S
        bond.heartbeat_timeout = timeout_s
        bond.start()
        self._bond = bond

    def end(self) -> None:
        """Tell the manager that the bond ends on purpose, if there is one."""
        if self._bond is None:
            return
        bond, self._bond = self._bond, None
        bond.set_broken_callback(None)
        bond.break_bond()
        bond.shutdown()

    def _broken(self) -> None:
        self._warn(
            f'the bond to the lifecycle manager is broken: it ended it, sent no heartbeat on '
            f'{self._node.resolve_topic_name(TOPIC)} or never did; tracking goes on'
        )
