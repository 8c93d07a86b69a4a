# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is expected of the node beyond the promises of its documents, and what is not yet.

The one place to tighten when the node learns more.
"""

from __future__ import annotations

from collections.abc import Mapping

SNAPSHOT_PARAMETER = 'restart.snapshot_file'
"""A node that has it comes back with its objects after a kill."""

SNAPSHOT_AGE_PARAMETER = 'restart.max_age_s'
"""How old its snapshot may be [s]."""

EXIT_S = 3.0
"""Longest from SIGTERM or SIGINT to the end of the process [s]."""

KNOWN_LIMITS: Mapping[str, str] = {}
"""Name of a fault -> why the node need not pass it yet; what is found is told as known."""


class BrokenPromiseError(AssertionError):
    """The node did not do as it promised; the message says what was expected and what came."""
