# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the middleware has told of the node's topics."""

from __future__ import annotations

from typing import NamedTuple


class QualityCounts(NamedTuple):
    """Events of the middleware.

    Attributes:
        deadlines_missed: periods of output.deadline_ms without a result, since activation.
        liveliness_lost: times that the tracker showed no life for output.liveliness_lease_ms,
            since activation.
        incompatible_subscribers: of `~/tracks`, since it was made; they receive nothing.
        incompatible_publishers: of images, since configuring, told once active; nothing is
            received from them.
        warnings: what somebody has to see to, a sentence each.
    """

    deadlines_missed: int = 0
    liveliness_lost: int = 0
    incompatible_subscribers: int = 0
    incompatible_publishers: int = 0
    warnings: tuple[str, ...] = ()
