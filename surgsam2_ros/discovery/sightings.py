# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a detector saw again and again in one place, the motion of that place taken into account."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence

from surgsam2_ros.discovery.overlap import Box, Spot, area, box_iou, centre, is_same, moved
from surgsam2_ros.discovery.settings import DiscoverySettings
from surgsam2_ros.tracking.proposal import Proposal

MOST_PROPOSALS = 32
"""More of one image are not looked at; the surest are."""
_LONGEST_MOTION_S = 1.0
_LARGEST_GROWTH = 4.0
_LEAST_IOU = 0.2


class Sighting:
    """Proposals for one thing, image after image; it moves with constant velocity between them.

    Attributes:
        proposal: the newest.
        time_s: of its image [s].
        on: id of the object that it lay on then, '' where there is none.
        was_on: id of the object that it lay on last, '' before it did.
        free: for each of the newest images that the detector answered for, whether the thing was
            proposed there and lay on no object.
        hits: the same, whatever it lay on.
        rests_until_s: nothing is to be made of it before [s].
        was_refused: it was said that there is no place for it.
    """

    def __init__(self, proposal: Spot, time_s: float, window: int) -> None:
        self.proposal, self.time_s = proposal, time_s
        self.on = self.was_on = ''
        self.free: deque[bool] = deque(maxlen=window)
        self.hits: deque[bool] = deque(maxlen=window)
        self.rests_until_s, self.was_refused = float('-inf'), False
        self._velocity = (0.0, 0.0)  # pixels a second
        self._has_velocity = False

    def box_at(self, time_s: float) -> Box:
        """Return where it is expected."""
        ahead_s = min(max(time_s - self.time_s, -_LONGEST_MOTION_S), _LONGEST_MOTION_S)
        return moved(self.proposal.box, *(speed * ahead_s for speed in self._velocity))

    def follow(self, proposal: Spot, time_s: float) -> None:
        """Account for its newest proposal."""
        elapsed_s = time_s - self.time_s
        if elapsed_s > 0:
            before, now = centre(self.proposal.box), centre(proposal.box)
            new = tuple((b - a) / elapsed_s for a, b in zip(before, now, strict=True))
            if self._has_velocity:
                new = tuple((a + b) / 2 for a, b in zip(self._velocity, new, strict=True))
            self._velocity, self._has_velocity = new, True
        self.proposal, self.time_s = proposal, time_s

    def note(self, *, hit: bool, free: bool) -> None:
        """Account for an image that the detector answered for."""
        self.hits.append(hit)
        self.free.append(free)


class Sightings:
    """All sightings, those of each detector apart: not every one answers for every image.

    Args:
        settings: of discovery; one that rests is kept for `end_after_s` after it was seen last.
    """

    def __init__(self, settings: DiscoverySettings) -> None:
        self._settings = settings
        self._by_source: dict[str, list[Sighting]] = {}

    def __iter__(self) -> Iterator[Sighting]:
        return (one for sightings in self._by_source.values() for one in sightings)

    def on(self, object_id: str) -> list[Sighting]:
        """Return those that lay on an object last."""
        return [one for one in self if one.on == object_id]

    def follow(
        self, proposals: Sequence[Proposal], time_s: float, now_s: float, source: str
    ) -> list[Sighting]:
        """Account for a detector's answer; returns the sightings in it, the surest first.

        Those that are in it wait for their `note`.

        Args:
            proposals: for an image.
            time_s: of that image [s].
            now_s: of the newest image [s].
            source: the detector.
        """
        spots = self._choose(proposals)
        known = self._by_source.get(source, [])
        present = []
        for sighting, spot in zip(assign(known, spots, time_s), spots, strict=True):
            if sighting is None:
                sighting = Sighting(spot, time_s, self._settings.window_frames)
            else:
                sighting.follow(spot, time_s)
            present.append(sighting)
        absent = [one for one in known if one not in present]
        for sighting in absent:
            sighting.note(hit=False, free=False)
        self._by_source[source] = present + [one for one in absent if self._lives(one, now_s)]
        return present

    def _choose(self, proposals: Sequence[Proposal]) -> list[Spot]:
        """Return the surest proposals, each instrument once."""
        chosen: list[Spot] = []
        for proposal in sorted(proposals, key=lambda one: -one.score):
            if not proposal.score >= self._settings.min_score or len(chosen) == MOST_PROPOSALS:
                break
            spot = Spot.of(proposal)
            if not any(is_same(spot, other) for other in chosen):
                chosen.append(spot)
        return chosen

    def _lives(self, sighting: Sighting, now_s: float) -> bool:
        if now_s < sighting.rests_until_s:
            return now_s - sighting.time_s < self._settings.end_after_s
        return any(sighting.hits)


def assign(
    sightings: Sequence[Sighting], proposals: Sequence[Spot], time_s: float
) -> list[Sighting | None]:
    """Find the sighting that each proposal continues, nearest pairs first.

    Returns:
        one for each proposal; None where it is of something new.
    """
    pairs = []
    for number, proposal in enumerate(proposals):
        for sighting in sightings:
            nearness = _nearness(sighting.box_at(time_s), proposal.box)
            if nearness > 0:
                pairs.append((nearness, number, sighting))
    found: list[Sighting | None] = [None] * len(proposals)
    taken: set[int] = set()
    for _, number, sighting in sorted(pairs, key=lambda pair: -pair[0]):
        if found[number] is None and id(sighting) not in taken:
            found[number] = sighting
            taken.add(id(sighting))
    return found


def _nearness(expected: Box, box: Box) -> float:
    """Tell how near two boxes are, 0 where they cannot be of one thing."""
    sizes = sorted((area(expected), area(box)))
    if sizes[1] > _LARGEST_GROWTH * max(sizes[0], 1.0):
        return 0.0
    (x0, y0), (x1, y1) = centre(expected), centre(box)
    reach = (_diagonal(expected) + _diagonal(box)) / 4
    closeness = max(1 - math.hypot(x1 - x0, y1 - y0) / max(reach, 1.0), 0.0)
    overlap = box_iou(expected, box)
    return closeness + overlap if closeness > 0 or overlap >= _LEAST_IOU else 0.0


def _diagonal(box: Box) -> float:
    return math.hypot(box[2] - box[0], box[3] - box[1])
