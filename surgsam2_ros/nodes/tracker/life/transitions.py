# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Runs the node's transitions in a thread of their own, so that its executor never waits for them.

rclpy runs a transition inside the callback of `~/change_state`. Loading a network takes seconds and
an export minutes: status, diagnostics, `get_state` and signals go on meanwhile.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

from lifecycle_msgs.srv import ChangeState
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from surgsam2_ros.nodes.messages.underway import UNDERWAY
from surgsam2_ros.nodes.tracker.health.status_reporter import StatusReporter
from surgsam2_ros.nodes.tracker.life.awaiting import answer_of

Answer = TypeVar('Answer')


class ReportingNode(Protocol):
    """A node that tells what it does."""

    reporter: StatusReporter


Transition = Callable[[ReportingNode, LifecycleState], TransitionCallbackReturn]


def told(transition: Transition) -> Transition:
    """Tell that a transition is under way and what went wrong in it; rclpy keeps it to itself."""

    @functools.wraps(transition)
    def reported(node: ReportingNode, state: LifecycleState) -> TransitionCallbackReturn:
        node.reporter.enter(UNDERWAY[transition.__name__])
        try:
            return transition(node, state)
        except Exception as error:
            node.reporter.report_exception(f'{transition.__name__} failed', error)
            return TransitionCallbackReturn.ERROR
        finally:
            node.reporter.enter('')

    return reported


class TransitionThread:
    """Takes `~/change_state` over from rclpy; one transition at a time, others are refused.

    Args:
        node: whose transitions these are.
    """

    def __init__(self, node: LifecycleNode) -> None:
        self._node = node
        self._pool = ThreadPoolExecutor(1, thread_name_prefix='transitions')
        self._idle = threading.Event()
        self._idle.set()
        self.group = ReentrantCallbackGroup()
        service = next(item for item in node.services if item.srv_type is ChangeState)
        self._change_state = service.callback
        service.callback = self._take
        service.callback_group = self.group
        self.group.add_entity(service)

    @property
    def busy(self) -> bool:
        """Whether a transition is under way."""
        return not self._idle.is_set()

    def start(self, transition: Callable[[], Answer]) -> Future[Answer]:
        """Have a transition run in the thread; only while none is under way."""
        self._idle.clear()
        future = self._pool.submit(transition)
        future.add_done_callback(lambda _future: self._idle.set())
        return future

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """Have what is no transition run between transitions, and return what it returns."""
        return await answer_of(self._pool.submit(work), self._node.executor)

    def close(self, timeout_s: float) -> bool:
        """Start nothing more; False when what runs does not end in time."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        return self._idle.wait(timeout_s)

    async def _take(
        self, request: ChangeState.Request, response: ChangeState.Response
    ) -> ChangeState.Response:
        if self.busy:
            self._node.get_logger().error(
                f'transition {request.transition.label or request.transition.id} was refused: '
                'another one is under way; ask again when it is done'
            )
            response.success = False
            return response
        change = self.start(lambda: self._change_state(request, response))
        return await answer_of(change, self._node.executor)
