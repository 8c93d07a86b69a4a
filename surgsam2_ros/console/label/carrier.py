# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which frames masks are carried to, from which ones, and that they are written on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

from surgsam2_ros.console.desk import DeskError
from surgsam2_ros.console.label.labelling import Labelling
from surgsam2_ros.console.label.labels import Verdict
from surgsam2_ros.console.label.propagation import Ahead, Given, frames_behind, propagate
from surgsam2_ros.console.label.recording import Recording
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.tracking import TrackerConfig

DIRECTIONS = {1: 'forwards', -1: 'backwards'}


@dataclass(frozen=True)
class Way:
    """A way through the recording.

    Attributes:
        start: frame whose masks are carried on.
        step: 1 forwards, -1 backwards.
        frames: those it leads to; accepted meanwhile, one ends it.
    """

    start: int
    step: int
    frames: range


class Carrier:
    """Carries masks on; each frame is written when it is done."""

    def __init__(
        self,
        recording: Recording,
        labelling: Labelling,
        network: SurgSAM2,
        config: TrackerConfig,
    ) -> None:
        """Take frames and masks from here."""
        self._recording, self._labelling = recording, labelling
        self._network, self._config = network, config

    def way(self, start: int, step: int) -> Way:
        """Plan the way from a frame to the next accepted one, or to the end.

        Raises:
            DeskError: when the frame has no masks, or there is no way to go.
        """
        with self._labelling.lock:
            labels = self._labelling.labels
            if not self._labelling.masks.has(start, labels.instances):
                raise DeskError(f'frame {start} has no masks to carry on; prompt an instrument')
            end = start + step
            while 0 <= end < len(self._recording):
                if labels.verdicts[end] == Verdict.ACCEPTED:
                    break
                end += step
        frames = range(start + step, end, step)
        if not frames:
            inside = 0 <= end < len(self._recording)
            why = f'frame {end} is accepted; clear it first' if inside else 'the recording ends'
            raise DeskError(f'nothing to do {DIRECTIONS[step]} of frame {start}: {why}')
        return Way(start, step, frames)

    def carry(self, way: Way, stop: threading.Event) -> Iterator[int]:
        """Go the way until `stop` is set; yields each frame that was written.

        Raises:
            DeskError: when masks cannot be written.
            SourceError: when a frame cannot be decoded.
        """
        with self._labelling.lock:
            objects = self._labelling.labels.objects.values()
            ids = {one.object_id: one.instance for one in objects}
        tracked = propagate(
            self._network, self._config, ids, self._given(way), self._ahead(way, stop)
        )
        for index, masks in tracked:
            self._labelling.put(index, masks)
            yield index

    def _given(self, way: Way) -> list[Given]:
        with self._labelling.lock:
            labels, masks = self._labelling.labels, self._labelling.masks
            behind = frames_behind(
                way.start,
                way.step,
                has_masks=lambda frame: (
                    0 <= frame < len(self._recording) and masks.has(frame, labels.instances)
                ),
                prompted=[frame for frame, ids in labels.prompts.items() if ids],
            )
            known = [(index, masks.read(index)) for index in behind]
        return [
            Given(index, self._recording.frame(index), found)
            for index, found in known
            if found is not None
        ]

    def _ahead(self, way: Way, stop: threading.Event) -> Iterator[Ahead]:
        for index in way.frames:
            with self._labelling.lock:
                labels = self._labelling.labels
                accepted = labels.verdicts[index] == Verdict.ACCEPTED
                kept = frozenset(labels.prompts.get(index, ()))
            if stop.is_set() or accepted:
                return
            stamp_ns = way.step * self._recording.stamp_ns(index)
            yield Ahead(index, self._recording.frame(index), stamp_ns, kept)
