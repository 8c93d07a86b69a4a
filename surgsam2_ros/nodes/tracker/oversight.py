# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Has instruments found by themselves where the parameters say so."""

from __future__ import annotations

from collections.abc import Callable

from surgsam2_ros.discovery import Decision
from surgsam2_ros.discovery.settings import OFF
from surgsam2_ros.nodes.tracker.parameters import Parameters
from surgsam2_ros.streaming.oversight import Oversight
from surgsam2_ros.streaming.requests import RequestQueue


def start_oversight(
    parameters: Parameters,
    requests: RequestQueue,
    *,
    tell: Callable[[Decision], None],
    report: Callable[[str, str], None],
) -> Oversight | None:
    """Return what finds instruments; None while they are not found by themselves.

    Args:
        parameters: of the node.
        requests: where decisions go.
        tell: receives every decision.
        report: receives (kind, text) of every problem.
    """
    if parameters.discovery.source == OFF:
        return None
    return Oversight(
        parameters.discovery,
        max_objects=parameters.tracking.max_objects,
        replay_frames=parameters.tracking.prompt_buffer_frames,
        requests=requests,
        tell=tell,
        report=report,
    )
