# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Decides which proposals become objects, which objects they are, and which objects end.

It prefers an instrument without an id to one with two, and an object that is LOST to one that goes
on as another instrument. What operators prompted it never removes, prompts or renames.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from surgsam2_ros.discovery.biography import Biography, Register
from surgsam2_ros.discovery.contradiction import (
    CONTRADICTED_BELOW,
    contradiction,
    desertion,
)
from surgsam2_ros.discovery.observation import Action, Decision, Known, Observation
from surgsam2_ros.discovery.overlap import (
    CONTAINED,
    Box,
    Spot,
    agreement,
    box_containment,
    centre,
    lies_on,
)
from surgsam2_ros.discovery.recognition import likeness_to, recognise
from surgsam2_ros.discovery.settings import DiscoverySettings
from surgsam2_ros.discovery.sightings import Sighting, Sightings
from surgsam2_ros.tracking.mask_crop import MaskCrop
from surgsam2_ros.tracking.proposal import Proposal
from surgsam2_ros.tracking.states import TrackState

Outline = Callable[[Observation, Box], 'MaskCrop | None']
_NAME = 'found_'
_PAUSE_S = 0.1


def _no_outline(_seen_in: Observation, _box: Box) -> MaskCrop | None:
    return None


class Overseer:
    """Watches images and proposals, and decides; whoever runs it carries the decisions out.

    After each tracked image comes `see`, then `look` for each detector that answered for that
    image or an older one. What becomes of a decision is told by `answer`.

    Args:
        settings: of discovery.
        max_objects: most that the tracker follows.
        outline: the mask of what a box holds in an image, for its looks; None where that cannot be
            had. Asked for seldom.

    Raises:
        ValueError: settings that could never find anything.
    """

    def __init__(
        self, settings: DiscoverySettings, max_objects: int, outline: Outline = _no_outline
    ) -> None:
        settings.check()
        self._settings, self._max_objects, self._outline = settings, max_objects, outline
        self.reset()

    def reset(self, started: Iterable[str] = ()) -> None:
        """Forget all objects and sightings, but those that were started just now."""
        self._register = Register()
        self._sightings = Sightings(self._settings)
        self._now = Observation(-1, 0, 0.0, ())
        self._started = set(started)  # ids given out, also those of objects still to come
        self._starting: set[str] = set()
        self._ending: set[str] = set()
        self._newest = 0
        self._looked_s = float('-inf')  # when a detector answered last

    def owns(self, object_id: str) -> bool:
        """Whether an object was started here, and no operator has prompted it since."""
        return object_id in self._started

    def leave_to_operator(self, object_ids: Iterable[str]) -> None:
        """Note that an operator prompted objects; they are the operator's from now on."""
        for object_id in object_ids:
            self._started.discard(object_id)
            if (one := self._register.get(object_id)) is not None:
                one.is_own = False

    def answer(self, decision: Decision, *, is_done: bool) -> None:
        """Note what became of a decision; what was refused is not tried again soon."""
        name = decision.object_id
        self._starting.discard(name)
        if is_done:
            return
        self._ending.discard(name)
        if decision.action is Action.START:
            self._started.discard(name)
            for sighting in self._sightings.on(name):
                sighting.on = ''
                self._rest(sighting, self._settings.reprompt_after_s)

    # After each image

    def see(self, seen_in: Observation) -> list[Decision]:
        """Account for a tracked image; returns what is to end."""
        self._now = seen_in
        gone = self._register.update(seen_in, self._started)
        decisions = []
        for one in gone:
            self._started.discard(one.object_id)
            if one.object_id not in self._ending:
                decisions += self._dismiss(one)
            self._ending.discard(one.object_id)
        own = [one for one in self._register if one.is_own]
        reasons = {one.object_id: why for one in own if (why := self._why_over(one))}
        for younger, older in self._register.duplicates(seen_in.time_s):
            reasons.setdefault(
                younger.object_id, f'it has lain on {older.object_id}, which was there before'
            )
        return decisions + [
            self._end(name, why) for name, why in reasons.items() if name not in self._ending
        ]

    def _why_over(self, one: Biography) -> str:
        """Return why an own object is to end, empty while it is not."""
        known, now_s = self._now.find(one.object_id), self._now.time_s
        limit_s = self._settings.end_after_s
        if known.state == TrackState.LOST and not one.was_tracked:
            for sighting in self._sightings:
                if sighting.was_on == one.object_id:
                    sighting.rests_until_s = now_s + limit_s
            return 'it was LOST before it was ever TRACKED'
        if now_s - one.seen_s >= limit_s:
            return f'it was not seen for {limit_s:g} s'
        doubted = known.state == TrackState.UNCERTAIN
        if doubted and self._looked_s - one.agreed_s >= limit_s:
            return f'it is UNCERTAIN, and no detection has lain on it for {limit_s:g} s'
        return ''

    def _dismiss(self, one: Biography) -> list[Decision]:
        left_alone = self._sightings.on(one.object_id)
        for sighting in left_alone:
            sighting.rests_until_s = float('inf')
        if not left_alone:
            return []
        why = 'somebody else removed it; what is there is left alone'
        return [Decision(Action.DISMISS, one.object_id, why, self._now)]

    def _end(self, object_id: str, why: str) -> Decision:
        self._ending.add(object_id)
        for sighting in self._sightings.on(object_id):
            sighting.on = ''
        return Decision(Action.END, object_id, why, self._now)

    # After each answer of a detector

    def look(
        self, seen_in: Observation, proposals: Sequence[Proposal], source: str
    ) -> list[Decision]:
        """Account for what a detector proposes; returns what is to be done about it.

        Args:
            seen_in: the image that it looked at, the newest or an older one.
            proposals: for that image; none counts too.
            source: which detector it is; images that one answered for are counted apart.
        """
        now_s = self._now.time_s
        sightings = self._sightings.follow(proposals, seen_in.time_s, now_s, source)
        self._looked_s = max(self._looked_s, seen_in.time_s)
        decisions: list[Decision] = []
        for sighting in sightings:
            known = self._object_below(sighting, seen_in)
            self._note(sighting, known, seen_in)
            confirm = self._settings.confirm_frames
            if self._now.time_s < sighting.rests_until_s:
                continue
            if sighting.free and sighting.free[-1] and sum(sighting.free) >= confirm:
                decisions += self._take_in(sighting, sightings, seen_in)
            elif known is not None and sum(sighting.hits) >= confirm:
                name = known.object_id
                if self._is_uncertain(name, seen_in) and (
                    why := contradiction(sighting, known, sightings, seen_in)
                ):
                    decisions += self._prompt_anew(sighting, name, why, seen_in)
        return decisions

    def _object_below(self, sighting: Sighting, seen_in: Observation) -> Known | None:
        """Return the object that a sighting lies on, in its image or by now; the best of several.

        What came, or came back, since that image is looked for where the sighting would be now;
        what this sighting itself was made into it lies on, wherever that has got to.
        """
        proposal, now = sighting.proposal, self._now
        below = _lain_on(proposal, seen_in)
        if below is not None or now is seen_in:
            return below
        seen_then = {one.object_id for one in seen_in.known if one.is_seen}
        ahead = Spot(sighting.box_at(now.time_s), proposal.score)
        came = [one for one in now.known if one.is_seen and one.object_id not in seen_then]
        below = [o for o in came if o.object_id == sighting.on or lies_on(ahead, o.crop)]
        return below[0] if below else None

    def _note(self, sighting: Sighting, known: Known | None, seen_in: Observation) -> None:
        if known is not None:
            sighting.on = sighting.was_on = known.object_id
        elif sighting.on not in self._starting:
            sighting.on = ''
        sighting.note(hit=True, free=not sighting.on)
        one = None if known is None else self._register.get(known.object_id)
        if one is None:
            return
        proposal = sighting.proposal
        one.agreed_s = max(one.agreed_s, seen_in.time_s)
        if proposal.descriptor is None or known.state != TrackState.TRACKED:
            return
        if agreement(proposal, known.crop) >= CONTRADICTED_BELOW:
            one.described.add(proposal.descriptor)

    def _prompt_anew(
        self, sighting: Sighting, object_id: str, why: str, seen_in: Observation
    ) -> list[Decision]:
        """Prompt an UNCERTAIN object with a proposal's box, unless it was prompted just now."""
        one, now_s = self._register[object_id], self._now.time_s
        if now_s - one.prompted_s < self._settings.reprompt_after_s:
            return []
        one.prompted_s = now_s
        text = f'it is UNCERTAIN, and {why}'
        return [Decision(Action.CORRECT, object_id, text, seen_in, sighting.proposal)]

    def _is_uncertain(self, object_id: str, seen_in: Observation) -> bool:
        """Whether an own object is UNCERTAIN in an image and has stayed so since."""
        if not self._is_free(object_id) or self._register.get(object_id) is None:
            return False
        views = seen_in.find(object_id), self._now.find(object_id)
        return all(view is not None and view.state == TrackState.UNCERTAIN for view in views)

    def _is_free(self, object_id: str) -> bool:
        """Whether the overseer may do something about an object."""
        return self.owns(object_id) and object_id not in self._ending

    # A confirmed sighting that lies on no object

    def _take_in(
        self, sighting: Sighting, sightings: Sequence[Sighting], seen_in: Observation
    ) -> list[Decision]:
        """Find out which object a sighting is, and have it started or taken up again."""
        if self._is_coming(sighting):
            return []
        name = sighting.was_on
        if (
            name
            and self._is_uncertain(name, seen_in)
            and (why := desertion(sighting, seen_in.find(name), sightings))
        ):
            return self._prompt_anew(sighting, name, why, seen_in)
        proposal = self._with_outline(sighting.proposal, seen_in)
        if (below := _lain_on(proposal, seen_in)) is not None:
            sighting.on = sighting.was_on = below.object_id
            self._rest(sighting, self._settings.reprompt_after_s)
            return []
        away = [
            one
            for one in self._register
            if (view := self._now.find(one.object_id)) is not None and view.is_away
        ] + self._register.astray()
        likeness: dict[str, float] = {}
        if away:
            likeness = likeness_to(self._register, proposal, seen_in)
        again = recognise(likeness, away, self._settings.retake_similarity)
        if again is not None and self._is_free(again.object_id):
            return self._retake(sighting, again, likeness[again.object_id], seen_in)
        if self._is_awaited(sighting, away, likeness):
            self._rest(sighting, _PAUSE_S)
            return []
        return self._start(sighting, away, likeness, seen_in)

    def _with_outline(self, proposal: Spot, seen_in: Observation) -> Spot:
        """Add the mask of what a box holds, where that can be had."""
        if proposal.crop is not None:
            return proposal
        crop = self._outline(seen_in, proposal.box)
        return proposal if crop is None or crop.box is None else proposal.with_crop(crop)

    def _rest(self, sighting: Sighting, pause_s: float) -> None:
        """Make nothing of a sighting for a while: outlines and looks cost time."""
        sighting.rests_until_s = self._now.time_s + pause_s

    def _is_coming(self, sighting: Sighting) -> bool:
        """Whether a sighting may be of an object whose prompt is on its way."""
        box = sighting.proposal.box
        return any(
            other.on in self._starting
            and box_containment(other.box_at(sighting.time_s), box) >= CONTAINED
            for other in self._sightings
        )

    def _is_awaited(
        self, sighting: Sighting, away: Sequence[Biography], likeness: dict[str, float]
    ) -> bool:
        """Whether the tracker may still find the object by itself, which was here a moment ago."""
        box = sighting.proposal.box
        return any(
            self._now.find(one.object_id).state == TrackState.OCCLUDED
            and likeness.get(one.object_id, 1.0) >= self._settings.retake_similarity
            and (one.box is None or _is_near(box, one.box))
            for one in away
        )

    def _retake(
        self, sighting: Sighting, one: Biography, likeness: float, seen_in: Observation
    ) -> list[Decision]:
        now_s = self._now.time_s
        if now_s - one.prompted_s < self._settings.reprompt_after_s:
            self._rest(sighting, _PAUSE_S)
            return []
        known, since_s = self._now.find(one.object_id), now_s - one.seen_s
        where = 'it lies on another object' if known.is_seen else f'it was away for {since_s:.1f} s'
        why = (
            f'{where}, and looks like what '
            f'{sum(sighting.free)} detections agree in (likeness {likeness:.2f}, no other object '
            'as much)'
        )
        one.prompted_s = one.agreed_s = now_s
        self._starting.add(one.object_id)
        sighting.on = sighting.was_on = one.object_id
        return [Decision(Action.RETAKE, one.object_id, why, seen_in, sighting.proposal)]

    def _start(
        self,
        sighting: Sighting,
        away: Sequence[Biography],
        likeness: dict[str, float],
        seen_in: Observation,
    ) -> list[Decision]:
        decisions: list[Decision] = []
        proposal, count = sighting.proposal, sum(sighting.free)
        if self._is_full():
            lost = [one for one in away if self._is_lost(one) and self._is_free(one.object_id)]
            if not lost:
                return self._refuse(sighting, seen_in)
            oldest = min(lost, key=lambda one: one.seen_s)
            why = f'it is LOST, and a new instrument needs its place among {self._max_objects}'
            decisions.append(self._end(oldest.object_id, why))
        name = self._new_name()
        why = (
            f'{count} of the last {len(sighting.free)} detections agree, the newest with score '
            f'{proposal.score:.2f}'
        )
        if away:
            alike = max((likeness.get(one.object_id, -1.0) for one in away), default=-1.0)
            known = 'cannot be compared' if alike < 0 else f'{alike:.2f} at most'
            why += f'; likeness with what is LOST or OCCLUDED: {known}'
        self._started.add(name)
        self._starting.add(name)
        sighting.on = sighting.was_on = name
        decisions.append(Decision(Action.START, name, why, seen_in, proposal))
        return decisions

    def _refuse(self, sighting: Sighting, seen_in: Observation) -> list[Decision]:
        self._rest(sighting, self._settings.reprompt_after_s)
        if sighting.was_refused:
            return []
        sighting.was_refused = True
        why = (
            f'there are {self._max_objects} objects already and none of those found here is LOST; '
            'remove some or raise tracking.max_objects'
        )
        return [Decision(Action.REFUSE, '', why, seen_in)]

    def _is_full(self) -> bool:
        coming = [name for name in self._starting if self._register.get(name) is None]
        number = len(self._now.known) + len(coming)
        return number - len(self._ending) >= self._max_objects

    def _is_lost(self, one: Biography) -> bool:
        return self._now.find(one.object_id).state == TrackState.LOST

    def _new_name(self) -> str:
        taken = {one.object_id for one in self._register} | self._started
        while True:
            self._newest += 1
            if (name := f'{_NAME}{self._newest}') not in taken:
                return name


def _lain_on(proposal: Spot, seen_in: Observation) -> Known | None:
    """Return the object that a proposal lies on, the best of several."""
    below = [one for one in seen_in.known if one.is_seen and lies_on(proposal, one.crop)]
    return max(below, key=lambda one: agreement(proposal, one.crop), default=None)


def _is_near(box: Box, last: Box) -> bool:
    """Whether a box lies where an object was seen last, give or take its size."""
    (x, y), (last_x, last_y) = centre(box), centre(last)
    reach = math.hypot(last[2] - last[0], last[3] - last[1])
    return math.hypot(x - last_x, y - last_y) <= reach
