# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a fault is, and what the node has promised for the time after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from surgsam2_ros.live.chaos.expectations import SNAPSHOT_PARAMETER

if TYPE_CHECKING:
    import numpy as np

    from surgsam2_ros.live.chaos.stage import Stage


class Objects(Enum):
    """What becomes of the objects."""

    KEPT = 'kept'
    FORGOTTEN = 'forgotten'
    RESTORED = 'restored'  # same ids and instances, in a new process or configuration
    EITHER = 'either'  # it depends on the order in which requests arrive


@dataclass(frozen=True)
class Fault:
    """One way to make the node's life hard.

    Attributes:
        name: what people call it.
        strike: does it and ends it; raises BrokenPromiseError where the node fails meanwhile.
        objects: what has to become of the objects.
        restarts: whether the process ends by it; the harness then starts another.
        needs: a parameter that the node must have for it; it is skipped without.
    """

    name: str
    strike: Callable[[Stage, np.random.Generator], None]
    objects: Objects = Objects.KEPT
    restarts: bool = False
    needs: str = ''

    def objects_after(self, parameters: Mapping[str, object]) -> Objects:
        """Return what has to become of the objects, given the parameters that the node has.

        A process that is killed takes its objects with it, unless it leaves a snapshot.
        """
        if self.objects is Objects.RESTORED and SNAPSHOT_PARAMETER not in parameters:
            return Objects.FORGOTTEN
        return self.objects
