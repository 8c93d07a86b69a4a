# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether what a detector sees contradicts the mask of an object, so that one of them is wrong."""

from __future__ import annotations

from collections.abc import Sequence

from surgsam2_ros.discovery.observation import Known, Observation
from surgsam2_ros.discovery.overlap import agreement, lies_on
from surgsam2_ros.discovery.sightings import Sighting

CONTRADICTED_BELOW = 0.5
"""A proposal on an object contradicts its mask when their IoU is less."""


def contradiction(
    sighting: Sighting, known: Known, others: Sequence[Sighting], seen_in: Observation
) -> str:
    """Return how a sighting that lies on an object contradicts its mask, in words.

    Empty where it does not, or where it is not clear that the two mean each other: the sighting
    lies on another object too, or another sighting on this one.
    """
    proposal = sighting.proposal
    iou = agreement(proposal, known.crop)
    if iou >= CONTRADICTED_BELOW or _anothers(known, sighting, others):
        return ''
    below = [one for one in seen_in.known if one.is_seen and lies_on(proposal, one.crop)]
    if [one.object_id for one in below] != [known.object_id]:
        return ''
    return f'a detection with score {proposal.score:.2f} overlaps it with an IoU of {iou:.2f} only'


def desertion(sighting: Sighting, known: Known, others: Sequence[Sighting]) -> str:
    """Return how a sighting has left the mask of the object that it lay on, in words.

    The detector followed the instrument and the mask did not. Empty where another sighting lies
    there, so that it may as well be the right one.
    """
    if _anothers(known, sighting, others):
        return ''
    return f'a detection with score {sighting.proposal.score:.2f} that lay on it has left its mask'


def _anothers(known: Known, sighting: Sighting, others: Sequence[Sighting]) -> bool:
    return any(lies_on(other.proposal, known.crop) for other in others if other is not sighting)
