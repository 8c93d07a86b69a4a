# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What every run that drives a node begins with: the node comes up, and somebody subscribes."""

from __future__ import annotations

from collections.abc import Callable

from surgsam2_ros.nodes.client import SurgSam2Client
from surgsam2_ros.nodes.client.watched_calls import await_call
from surgsam2_ros.nodes.replay.player import BagPlayer

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
