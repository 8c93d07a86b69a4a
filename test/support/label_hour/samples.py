# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the console holds, counted every few seconds from outside."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from label_hour.server import Server
from label_hour.work_folder import size_of
from surgsam2_ros.live.soak.census import take_census
from surgsam2_ros.repeated import Repeated

PERIOD_S = 5.0


@dataclass(frozen=True)
class Sample:
    """What is held at a moment.

    Attributes:
        at_s: since the run began [s].
        age_s: since this life's page could be opened [s].
        resident_mb, own_mb: memory of the console [10^6 bytes], the latter shared with nobody.
        descriptors, threads: how many.
        labels_mb, files, exported_mb: of the work folder: journal and masks, their files, and the
            data set.
    """

    at_s: float
    age_s: float
    resident_mb: float
    own_mb: float
    descriptors: int
    threads: int
    labels_mb: float
    files: int
    exported_mb: float


@dataclass
class Life:
    """One life of the console.

    Attributes:
        start_s: from the start of the process until the page could be opened [s].
        samples: oldest first.
        ended_s: when it was killed, since the run began [s].
    """

    start_s: float
    samples: list[Sample] = field(default_factory=list)
    ended_s: float = 0.0


class Sampler:
    """Counts on a thread while a console lives, until it is closed.

    Attributes:
        lives: oldest first; whoever starts a life adds it.
    """

    def __init__(self, server: Server, work: Path, began_s: float) -> None:
        """Count for this run, which began then (monotonic clock)."""
        self.lives: list[Life] = []
        self._server, self._work, self._began_s = server, work, began_s
        self._repeated = Repeated('samples', PERIOD_S, self._count)

    def close(self) -> None:
        """End the thread."""
        self._repeated.close()

    def _count(self) -> None:
        if self._server.gone.is_set() or not self.lives:
            return
        life = self.lives[-1]
        try:
            census = take_census(self._server.pid, 0)
        except psutil.Error:  # killed meanwhile
            return
        labels, files, exported = size_of(self._work)
        sample = Sample(
            round(time.monotonic() - self._began_s, 1),
            round(census.at_s - self._server.began_s, 1),
            round(census.resident_mb, 2),
            round(census.own_mb, 2),
            census.descriptors,
            census.threads,
            round(labels / 1e6, 3),
            files,
            round(exported / 1e6, 2),
        )
        life.samples.append(sample)
