# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the overseer remembers of the objects that are tracked: whose they are, and since when."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from surgsam2_ros.discovery.appearance import Looks, describe
from surgsam2_ros.discovery.observation import Known, Observation
from surgsam2_ros.discovery.overlap import Box, containment, corners
from surgsam2_ros.tracking.states import TrackState

_LOOK_PERIOD_S = 0.5
_DUPLICATE = 0.8
_DUPLICATE_S = 1.0


class Biography:
    """Of one object.

    Attributes:
        object_id: its name.
        is_own: whether the overseer started it and no operator has prompted it since.
        born_s: when it was first there [s].
        seen_s: when it was last seen [s].
        agreed_s: when a detector last saw it, or the overseer prompted it [s].
        prompted_s: when the overseer last prompted it [s].
        was_tracked: whether it was ever TRACKED.
        box: where it was seen last; None before that.
        looks: of its colours.
        described: as a detector describes it.
    """

    def __init__(self, object_id: str, time_s: float, *, is_own: bool) -> None:
        self.object_id, self.is_own = object_id, is_own
        self.born_s = self.seen_s = self.agreed_s = self.prompted_s = time_s
        self.was_tracked = False
        self.box: Box | None = None
        self.looks, self.described = Looks(), Looks()
        self._looked_s = float('-inf')

    def update(self, known: Known, seen_in: Observation, *, is_alone: bool) -> None:
        """Account for an image, in which it may lie on another object."""
        if known.is_seen:
            self.seen_s, self.box = seen_in.time_s, corners(known.crop)
        if known.state != TrackState.TRACKED:
            return
        self.was_tracked = True
        is_due = seen_in.time_s - self._looked_s >= _LOOK_PERIOD_S
        if seen_in.picture is None or not (is_alone and is_due):
            return
        self._looked_s = seen_in.time_s
        if (look := describe(seen_in.picture, known.crop)) is not None:
            self.looks.add(look)


class Register:
    """The biographies of all objects that live."""

    def __init__(self) -> None:
        self._all: dict[str, Biography] = {}
        self._together_s: dict[tuple[str, str], float] = {}

    def __getitem__(self, object_id: str) -> Biography:
        return self._all[object_id]

    def get(self, object_id: str) -> Biography | None:
        """Return that of an object, None where it does not live."""
        return self._all.get(object_id)

    def __iter__(self) -> Iterator[Biography]:
        return iter(self._all.values())

    def update(self, seen_in: Observation, started: Collection[str]) -> list[Biography]:
        """Account for an image; returns those of the objects that are gone.

        Args:
            seen_in: the image.
            started: ids that the overseer started; other new ones are the operator's.
        """
        living = {known.object_id for known in seen_in.known}
        gone = [one for one in self if one.object_id not in living]
        for one in gone:
            del self._all[one.object_id]
        self._compare(seen_in)
        together = {name for pair in self._together_s for name in pair}
        for known in seen_in.known:
            name = known.object_id
            if name not in self._all:
                self._all[name] = Biography(name, seen_in.time_s, is_own=name in started)
            self._all[name].update(known, seen_in, is_alone=name not in together)
        return gone

    def astray(self) -> list[Biography]:
        """Return the overseer's objects whose masks may have gone to another object."""
        names = {name for pair in self._together_s for name in pair}
        return [self._all[name] for name in names if self._all[name].is_own]

    def duplicates(self, now_s: float) -> list[tuple[Biography, Biography]]:
        """Return the pairs (to end, to keep) of objects that have lain on each other for a while.

        Of two the operator's stays, else the older one; two of the operator's are left alone.
        """
        found = []
        for pair, since_s in self._together_s.items():
            first, second = (self._all[name] for name in pair)
            if now_s - since_s < _DUPLICATE_S or not (first.is_own or second.is_own):
                continue
            older = min(first, second, key=lambda one: (one.is_own, one.born_s))
            found.append((second if older is first else first, older))
        return found

    def _compare(self, seen_in: Observation) -> None:
        """Note which objects lie on each other, and since when."""
        seen = [known for known in seen_in.known if known.is_seen]
        together: dict[tuple[str, str], float] = {}
        for number, one in enumerate(seen):
            for other in seen[number + 1 :]:
                if containment(one.crop, other.crop) >= _DUPLICATE:
                    pair = one.object_id, other.object_id
                    together[pair] = self._together_s.get(pair, seen_in.time_s)
        self._together_s = together
