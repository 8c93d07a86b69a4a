# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tells which object a proposal is, by looks alone; where they do not tell, it is none."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from surgsam2_ros.discovery.appearance import describe
from surgsam2_ros.discovery.biography import Biography
from surgsam2_ros.discovery.observation import Observation
from surgsam2_ros.discovery.overlap import Spot

LIKENESS_MARGIN = 0.03
"""So much better than any other object must the likest one fit, or its looks prove nothing."""


def likeness_to(
    objects: Iterable[Biography], proposal: Spot, seen_in: Observation
) -> dict[str, float]:
    """Return how much a proposal looks like each object, up to 1, by id.

    Objects that cannot be compared are left out: those that were never seen well enough.

    Args:
        objects: to compare with.
        proposal: with a descriptor, or else the colours in its mask count.
        seen_in: the image of the proposal.
    """
    look = proposal.descriptor
    if look is None:
        look = _colours(proposal, seen_in)
    if look is None:
        return {}
    by_detector = proposal.descriptor is not None
    found = {
        one.object_id: (one.described if by_detector else one.looks).likeness(look)
        for one in objects
    }
    return {name: alike for name, alike in found.items() if alike is not None}


def recognise(
    likeness: dict[str, float], away: Collection[Biography], least: float
) -> Biography | None:
    """Return the object that is back; None where looks do not tell.

    They do not where another object, be it in the picture, looks as much like it, or where one
    that is away cannot be compared.

    Args:
        likeness: to each object, by id.
        away: objects that are not in the picture.
        least: likeness that it takes.
    """
    order = sorted(likeness, key=lambda name: -likeness[name])
    if not order or likeness[order[0]] < least:
        return None
    if len(order) > 1 and likeness[order[0]] - likeness[order[1]] < LIKENESS_MARGIN:
        return None
    if any(one.object_id not in likeness for one in away):
        return None
    return next((one for one in away if one.object_id == order[0]), None)


def _colours(proposal: Spot, seen_in: Observation) -> np.ndarray | None:
    if seen_in.picture is None or proposal.crop is None:
        return None
    return describe(seen_in.picture, proposal.crop)
