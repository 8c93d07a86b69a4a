# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What operators say about instruments that no tracker knows: display name, class, lock."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from surgsam2_ros.console.desk import Description, DeskError


@dataclass(frozen=True)
class Naming:
    """What was said about one instrument.

    Attributes:
        name: what operators call it; empty: its object id.
        class_name: kind of instrument; empty: as the tracker tells.
        locked: whether prompts and removal are refused.
    """

    name: str = ''
    class_name: str = ''
    locked: bool = False


class InstrumentNames:
    """The namings of all instruments by camera and object id; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._namings: dict[tuple[str, str], Naming] = {}

    def of(self, camera: str, object_id: str) -> Naming:
        """Return what was said about an instrument."""
        with self._lock:
            return self._namings.get((camera, object_id), Naming())

    def called(self, camera: str, object_id: str) -> str:
        """Return what operators call an instrument."""
        return self.of(camera, object_id).name or object_id

    def change(self, camera: str, object_id: str, description: Description) -> Naming:
        """Change what is said, and return what was said before."""
        with self._lock:
            before = self._namings.get((camera, object_id), Naming())
            self._namings[camera, object_id] = replace(before, **description.said)
            return before

    def put(self, camera: str, object_id: str, naming: Naming) -> None:
        """Say this about an instrument, and nothing else."""
        with self._lock:
            self._namings[camera, object_id] = naming

    def require_unlocked(self, camera: str, object_id: str) -> None:
        """Raise DeskError when an instrument is locked."""
        if self.of(camera, object_id).locked:
            called = self.called(camera, object_id)
            raise DeskError(f'{called} is locked; unlock it before you change it')
