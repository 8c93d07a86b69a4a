# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Videos that tell on which node of a cluster they were opened, and some that take it with them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from surgsam2_ros.evaluation.runs.folder_video import FolderVideo
from surgsam2_ros.sources import SourceError


class WitnessVideo(FolderVideo):
    """Notes the node that opens it.

    Attributes:
        witness: folder for a file per opening, named <video>.<attempt>, that holds the node's id.
    """

    def __init__(self, name: str, root: Path, witness: Path) -> None:
        super().__init__(name, root / 'JPEGImages' / name, root / 'Annotations' / name)
        self.witness = witness

    def _open(self) -> None:
        import ray

        attempt = len(list(self.witness.glob(f'{self.name}.*'))) + 1
        node = ray.get_runtime_context().get_node_id()
        (self.witness / f'{self.name}.{attempt}').write_text(node)
        self.opened(attempt)
        super()._open()

    def opened(self, attempt: int) -> None:
        """Do something odd."""


class DeadlyOnceVideo(WitnessVideo):
    """Kills the worker that opens it first, as the kernel does for want of memory."""

    def opened(self, attempt: int) -> None:
        if attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)


class DeadlyVideo(WitnessVideo):
    """Kills every worker that opens it."""

    def opened(self, attempt: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class BadVideo(WitnessVideo):
    """Cannot be read."""

    def opened(self, attempt: int) -> None:
        raise SourceError(f'bag {self.name} is damaged; repair it')


class SlowVideo(WitnessVideo):
    """Takes a while, so that all nodes are busy at once."""

    def opened(self, attempt: int) -> None:
        time.sleep(5.0)
