# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What runs that drive a node share: the node comes up, somebody subscribes, all is answered."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Reversible
from typing import TypeVar

from rclpy.node import Node

from surgsam2_ros.nodes.client import SurgSam2Client
from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.nodes.client.watched_calls import POLL_S, await_call
from surgsam2_ros.nodes.replay.player import BagPlayer

Image = TypeVar('Image')

START_TIMEOUT_S = 120.0
DISCOVERY_TIMEOUT_S = 30.0


class ReplayError(RuntimeError):
    """The replay could not be started or went wrong on the way."""


def bring_up(
    client: SurgSam2Client,
    check: Callable[[], None],
    on_state: Callable[[str], None] = lambda state: None,
) -> None:
    """Configure and activate a node.

    Args:
        client: of the node.
        check: raises when the node's process has ended; called again and again.
        on_state: called with a word when a new phase begins.

    Raises:
        surgsam2_ros.nodes.client.SurgSam2Error: when the node refuses a transition.
    """
    on_state('configuring')
    await_call(client.configure, check)
    on_state('activating')
    await_call(client.activate, check)


@contextlib.contextmanager
def driven_node(
    name: str,
    target: str,
    check: Callable[[], None],
    on_state: Callable[[str], None] = lambda state: None,
) -> Iterator[tuple[Node, SurgSam2Client]]:
    """Bring a node up and give a node that spins for as long as the block, with a client of it.

    Args:
        name: of the node that spins.
        target: name of the node that comes up, with its namespace.
        check, on_state: of `bring_up`.

    Raises:
        surgsam2_ros.nodes.client.SurgSam2Error: when it refuses a transition.
    """
    with contextlib.closing(NodeThread(name)) as thread:
        client = SurgSam2Client(target, node=thread.node, timeout_s=START_TIMEOUT_S)
        bring_up(client, check, on_state)
        yield thread.node, client


def await_subscriber(player: BagPlayer, check: Callable[[], None]) -> None:
    """Wait until somebody subscribes to what the player publishes.

    Args:
        player: that will publish.
        check: raises when the subscriber's process has ended.

    Raises:
        ReplayError: naming the topic.
    """
    if waiting := await_call(lambda: player.wait_for_subscribers(DISCOVERY_TIMEOUT_S), check):
        raise ReplayError(f'nobody subscribed to {waiting[0]} within {DISCOVERY_TIMEOUT_S:g} s')


def answered_last(sent: Reversible[Image], newest_answer: Image | None) -> bool:
    """Whether the newest image has its result; since results keep order, none will follow.

    Args:
        sent: a mapping or sequence with the images, in order.
        newest_answer: the image of the newest result, None before the first.
    """
    return newest_answer is not None and newest_answer == next(reversed(sent), None)


def await_answers(
    is_done: Callable[[], bool],
    count: Callable[[], int],
    patience_s: Callable[[], float],
    check: Callable[[], None],
) -> None:
    """Wait until all is answered, or nothing has come for a while.

    Args:
        is_done: whether nothing more is waited for.
        count: of what has come.
        patience_s: how long to wait for one more [s], asked for anew each time.
        check: raises when the node's process has ended.
    """
    changed, came = time.monotonic(), count()
    while not is_done():
        check()
        if (now := count()) != came:
            changed, came = time.monotonic(), now
        if time.monotonic() - changed > patience_s():
            return
        time.sleep(POLL_S)
