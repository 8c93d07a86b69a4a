# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Keeps apart what a detector says that makes sense for an image, and what does not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from surgsam2_ros.discovery.overlap import area, common
from surgsam2_ros.tracking.proposal import Proposal

MOST_DETECTIONS = 300
"""More for one image are no instruments; the surest are looked at."""
LONGEST_CLASS_NAME = 256
_LEAST_SIDE = 2.0


def sound_proposals(
    proposals: Sequence[Proposal], image_size: tuple[int, int]
) -> tuple[list[Proposal], str]:
    """Return the proposals that make sense, cut to the image, and what was left out.

    Args:
        proposals: as a detector gave them, whatever they hold.
        image_size: (H, W) of the image that they are for.

    Returns:
        the sound ones, and a sentence on the others, empty where there are none.
    """
    height, width = image_size
    sound: list[Proposal] = []
    faults: list[str] = []
    for proposal in proposals:
        fault = _fault(proposal)
        box = common(proposal.box, (0.0, 0.0, float(width), float(height))) if not fault else None
        if not fault and min(box[2] - box[0], box[3] - box[1]) < _LEAST_SIDE:
            fault = f'box {_text(proposal.box)} holds nothing of the {width}x{height} image'
        if fault:
            faults.append(fault)
        else:
            sound.append(replace(proposal, box=box))
    if len(sound) > MOST_DETECTIONS:
        faults += [f'more than {MOST_DETECTIONS} come at once'] * (len(sound) - MOST_DETECTIONS)
        sound = sorted(sound, key=lambda one: -one.score)[:MOST_DETECTIONS]
    if not faults:
        return sound, ''
    return sound, f'{len(faults)} of {len(proposals)} detections were left out: {faults[0]}'


def _fault(proposal: Proposal) -> str:
    """Return what is wrong with a proposal whatever its image, empty where nothing is."""
    if not all(math.isfinite(value) for value in (*proposal.box, proposal.score)):
        return f'box {_text(proposal.box)} with score {proposal.score} is not finite'
    if not 0.0 <= proposal.score <= 1.0:
        return f'score {proposal.score:g} is not in 0 to 1'
    left, top, right, bottom = proposal.box
    if not (left < right and top < bottom) or area(proposal.box) <= 0:
        return f'box {_text(proposal.box)} has no area'
    name = proposal.class_name
    if len(name) > LONGEST_CLASS_NAME or not (name.isprintable() or not name):
        return f'class {name[:40]!r} is not printable or too long'
    return ''


def _text(box: Sequence[float]) -> str:
    return '(' + ', '.join(f'{value:g}' for value in box) + ')'
