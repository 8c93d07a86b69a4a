# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A stage of coloured rectangles with a tracker that is told what it sees, for the overseer."""

from __future__ import annotations

import numpy as np

from surgsam2_ros.discovery import Action, Decision, DiscoverySettings, Known, Observation, Overseer
from surgsam2_ros.discovery.overlap import box_iou
from surgsam2_ros.tracking.mask_crop import MaskCrop
from surgsam2_ros.tracking.proposal import Proposal
from surgsam2_ros.tracking.states import TrackState

HEIGHT, WIDTH = 120, 160
FRAME_S = 1 / 30
LOST_AFTER_S = 1.0
GREY, RED, BLUE = (120, 120, 125), (200, 40, 40), (40, 60, 200)


def mask_of(box) -> np.ndarray:
    """Return the pixels of a box, bool [H, W]."""
    left, top, right, bottom = (round(value) for value in box)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = True
    return mask


def proposal(box, score=0.9, **more) -> Proposal:
    """Return what a detector says about a box."""
    return Proposal(tuple(map(float, box)), score, **more)


class Stage:
    """Things in an image, and objects that follow them as long as nobody tells otherwise.

    Attributes:
        things: box and colour by name; what is not here is not in the picture.
        follows: the thing that each object is on.
        states: of objects that are not simply TRACKED or away.
        decisions: all that were made.
    """

    def __init__(self, max_objects=10, **settings):
        self.overseer = Overseer(
            DiscoverySettings('external', **settings), max_objects, self._outline
        )
        self.things: dict[str, tuple] = {}
        self.follows: dict[str, str] = {}
        self.masks: dict[str, tuple] = {}
        self.states: dict[str, TrackState] = {}
        self.decisions: list[Decision] = []
        self.past: list[Observation] = []
        self._unseen_s: dict[str, float] = {}
        self._index = 0
        self.executes = True

    def put(self, name, box, colour=GREY):
        """Have a thing in the picture."""
        self.things[name] = box, colour

    def operator_adds(self, object_id, thing):
        """Have an operator prompt a thing."""
        self.follows[object_id] = thing
        self.overseer.leave_to_operator([object_id])

    def track(self) -> list[Decision]:
        """Take the next image; returns what the overseer ends."""
        known = tuple(self._known(name) for name in self.follows)
        time_s = self._index * FRAME_S
        seen = Observation(self._index, self._index + 1, time_s, known, self.picture())
        self._index += 1
        self.past.append(seen)
        return self._carry_out(self.overseer.see(seen))

    def look(self, *boxes, ago=0, source='external', score=0.9) -> list[Decision]:
        """Have a detector answer for the newest image or an older one."""
        found = [
            box if isinstance(box, Proposal) else proposal(self._box(box), score) for box in boxes
        ]
        return self._carry_out(self.overseer.look(self.past[-1 - ago], found, source))

    def run(self, frames, *boxes, **options) -> list[Decision]:
        """Take images, with a detector that answers for each."""
        decisions = []
        for _ in range(frames):
            decisions += self.track() + self.look(*boxes, **options)
        return decisions

    def picture(self) -> np.ndarray:
        """Draw the things."""
        picture = np.full((HEIGHT, WIDTH, 3), (150, 70, 60), np.uint8)
        for box, colour in self.things.values():
            picture[mask_of(box)] = colour
        return picture

    def _box(self, name_or_box):
        return self.things[name_or_box][0] if isinstance(name_or_box, str) else name_or_box

    def _known(self, object_id) -> Known:
        thing = self.follows[object_id]
        if thing not in self.things and object_id not in self.masks:
            self._unseen_s[object_id] = self._unseen_s.get(object_id, 0.0) + FRAME_S
            lost = self._unseen_s[object_id] >= LOST_AFTER_S
            state = TrackState.LOST if lost else TrackState.OCCLUDED
            return Known(object_id, MaskCrop.empty((HEIGHT, WIDTH)), state)
        self._unseen_s[object_id] = 0.0
        box = self.masks.get(object_id) or self.things[thing][0]
        state = self.states.get(object_id, TrackState.TRACKED)
        return Known(object_id, MaskCrop.of(mask_of(box)), state)

    def _outline(self, _seen_in, box):
        return MaskCrop.of(mask_of(box))

    def _carry_out(self, decisions):
        self.decisions += decisions
        for decision in decisions if self.executes else ():
            name = decision.object_id
            if decision.action is Action.END:
                del self.follows[name]
            elif decision.proposal is not None:
                self.follows[name] = max(
                    self.things,
                    key=lambda thing: box_iou(self.things[thing][0], decision.proposal.box),
                    default='nothing',
                )
                self.masks.pop(name, None)
            self.overseer.answer(decision, is_done=True)
        return decisions


def actions(decisions) -> list[tuple[str, str]]:
    """Return what was done to which objects."""
    return [(decision.action.value, decision.object_id) for decision in decisions]
