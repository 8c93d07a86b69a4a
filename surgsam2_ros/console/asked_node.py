# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A node that operators ask things of: it may be missing, die or be started anew meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import wait
from typing import TYPE_CHECKING, Any, TypeVar

from surgsam2_ros.console.desk import DeskError
from surgsam2_ros.nodes.client import SurgSam2Client, SurgSam2Error
from surgsam2_ros.nodes.client.node_watch import NodeReport, NodeWatch
from surgsam2_ros.nodes.client.run_time_parameters import read_changeable
from surgsam2_ros.nodes.client.watched_calls import in_thread

if TYPE_CHECKING:
    from surgsam2_ros.nodes.client.node_thread import NodeThread

Answer = TypeVar('Answer')

ANSWER_TIMEOUT_S = 15.0
CONFIGURE_TIMEOUT_S = 120.0
_DISCOVERY_S = 3.0  # a node that runs is found within
_CHECK_S = 0.2


class AskedNode:
    """One node; whatever goes wrong when it is asked is a sentence for operators.

    Args:
        name: of the node, with its namespace.
        thread: spins what is subscribed to.
        on_change: told the report before and the one after, on that thread.
        timeout_s: longest wait for an answer, but for transitions [s].

    Attributes:
        client: its services as methods, to be called within `ask`.
    """

    def __init__(
        self,
        name: str,
        thread: NodeThread,
        on_change: Callable[[NodeReport, NodeReport], None] = lambda before, after: None,
        *,
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        self.name = name
        self._timeout_s = timeout_s
        self._began_s = time.monotonic()
        self._node = thread.node
        self.client = SurgSam2Client(name, node=thread.node, timeout_s=timeout_s)
        self._watch = NodeWatch(thread.node, name, on_change)

    @property
    def report(self) -> NodeReport:
        """What is known of it."""
        return self._watch.report

    def ask(self, call: Callable[[], Answer], timeout_s: float | None = None) -> Answer:
        """Return what a call of `client` returns.

        Raises:
            DeskError: the node is not there, refuses, goes, or is silent for `timeout_s` (None:
                as it was made).
        """
        timeout_s = self._timeout_s if timeout_s is None else timeout_s
        self._require()
        process, answer = self.report.process, in_thread(call)
        deadline = time.monotonic() + timeout_s + 1.0  # the call itself knows better what is late
        while not wait([answer], _CHECK_S).done:
            report = self.report
            if not report.is_there:
                raise DeskError(f'{self.name} went before it answered; ask again when it is back')
            if report.process - process:
                raise DeskError(
                    f'{self.name} was started anew before it answered; look what is there, then '
                    'ask again'
                )
            if time.monotonic() > deadline:
                raise DeskError(f'{self.name} did not answer within {timeout_s:.0f} s')
        try:
            return answer.result()
        except SurgSam2Error as error:
            raise DeskError(str(error)) from error

    def _require(self) -> None:
        patience_s = max(self._began_s + _DISCOVERY_S - time.monotonic(), 0.0)
        if not self._watch.wait(lambda report: report.is_there, patience_s):
            raise DeskError(
                f'the node {self.name} is not there; start it, or look for its name and ROS domain '
                'with `ros2 node list`'
            )

    def change_state(self, transition: str) -> None:
        """Have it configure, activate, deactivate, cleanup or shutdown."""
        self.ask(getattr(self.client, transition), CONFIGURE_TIMEOUT_S)

    def enable(self, enabled: bool) -> None:
        """Pause tracking, or go on."""
        self.ask(lambda: self.client.enable(enabled))

    def parameters(self) -> dict[str, Any]:
        """Return the values of the parameters that may change now, by name."""
        return self.ask(lambda: read_changeable(self._node, self.name, self._timeout_s))

    def set_parameter(self, name: str, value: Any) -> None:
        """Change a parameter."""
        self.ask(lambda: self.client.set_parameters({name: value}))
