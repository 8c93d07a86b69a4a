# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One running node as operators see it: its pictures, what they ask of it, and how to undo that."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING

from surgsam2_ros.console.asked_node import ANSWER_TIMEOUT_S, AskedNode
from surgsam2_ros.console.desk import Description, DeskError, Instrument, Picture, Preview
from surgsam2_ros.console.instrument_names import InstrumentNames
from surgsam2_ros.console.node_changes import changes
from surgsam2_ros.console.notices import Notices
from surgsam2_ros.nodes.client import SurgSam2Error
from surgsam2_ros.nodes.client.decisions import watch_decisions
from surgsam2_ros.nodes.client.node_watch import NodeReport
from surgsam2_ros.nodes.client.picture_feed import (
    FoundObjects,
    PictureFeed,
    SeenObject,
    found_objects,
)
from surgsam2_ros.nodes.client.watched_calls import in_thread
from surgsam2_ros.nodes.messages.requests import stamp_header
from surgsam2_ros.tracking import MaskCrop
from surgsam2_ros.tracking.prompts import Prompt, PromptError, check_fit, check_shape
from surgsam2_ros.tracking.states import TrackState

if TYPE_CHECKING:
    from surgsam2_ros.nodes.client.node_thread import NodeThread

_UNDO_DEPTH = 100
_OURS_S = 5.0  # a change of ours shows in the tracks within
_FRESH_S = 1.5  # objects that the node told are as of now for so long
_LISTING_S = 0.5  # who asks for instruments waits for the node's list until it is so old

OnPrompt = Callable[[str, int, Prompt], None]


class LiveCamera:
    """A running node, and what operators do with it.

    Args:
        name: name of the node, with its namespace; also what the camera is called.
        thread: spins the subscriptions and answers.
        names: what operators say about instruments.
        notices: hears what everybody is to be told.
        on_prompt: told camera, stamp [ns] and prompt of whatever the node has taken.
        timeout_s: longest wait for an answer of the node [s].

    Attributes:
        node: the node itself, for what has nothing to do with instruments.
    """

    def __init__(
        self,
        name: str,
        thread: NodeThread,
        names: InstrumentNames,
        notices: Notices,
        on_prompt: OnPrompt = lambda camera, stamp_ns, prompt: None,
        *,
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        self.name = name
        self._names, self._notices, self._on_prompt = names, notices, on_prompt
        self._lock = threading.Lock()
        self._found = FoundObjects(0, ())
        self._found_s = float('-inf')
        self._listing: Future[None] | None = None
        self._listing_s = float('-inf')  # when it began
        self._order: dict[str, int] = {}  # object id -> when it was first heard of
        self._ours: dict[str, float] = {}  # object ids that we add or remove, until when
        self._undo: deque[tuple[str, Callable[[], None]]] = deque(maxlen=_UNDO_DEPTH)
        self._picture: Picture | None = None
        self.node = AskedNode(name, thread, self._take_report, timeout_s=timeout_s)
        self._ours_s = timeout_s + _OURS_S
        self._client, self._ask = self.node.client, self.node.ask
        self._feed = PictureFeed(thread.node, name, lambda: self.node.report, self._take_tracks)
        watch_decisions(thread.node, name, self._take_decision)

    # What is seen

    def wait_for_picture(self, after: int, timeout_s: float) -> Picture | None:
        """Return the newest picture whose serial is above `after`; None when none came in time."""
        try:
            found = self._feed.wait(after, timeout_s)
        except SurgSam2Error as error:
            raise DeskError(f'{self.name}: {error}') from error
        if found is None:
            return None
        serial, seen = found
        with self._lock:
            if self._picture is not None and self._picture.serial == serial:
                return self._picture  # one for all viewers
        picture = Picture(
            camera=self.name,
            serial=serial,
            stamp_ns=seen.stamp_ns,
            frame_index=-1,
            rgb=seen.rgb,
            labels=seen.labels,
            instruments=self._listed(seen.found or self._found),
            latency_ms=seen.latency_ms,
        )
        with self._lock:
            if self._picture is None or self._picture.serial < serial:
                self._picture = picture
            return self._picture

    def instruments(self) -> tuple[Instrument, ...]:
        """Return the instruments as of now, those first that were added first.

        A node that does not answer keeps nobody waiting: what was known last is returned.
        """
        if self.node.report.is_there and time.monotonic() - self._found_s > _FRESH_S:
            self._wait_for_list()
        return self._listed(self._found)

    def _wait_for_list(self) -> None:
        """Have the objects listed, once for all who ask."""
        with self._lock:
            now = time.monotonic()
            rests = now - self._listing_s < _FRESH_S
            if not rests and (self._listing is None or self._listing.done()):
                self._listing, self._listing_s = in_thread(self._list_objects), now
            listing, left_s = self._listing, self._listing_s + _LISTING_S - now
        if left_s > 0:
            wait([listing], left_s)
        if listing.done():
            listing.result()  # a mistake of ours is not hidden in the thread

    def _list_objects(self) -> None:
        """Ask for the objects: nobody looks, or no images come, so no result tells them."""
        known = self._found
        try:
            listed = self._ask(self._client.list_objects)
        except DeskError:  # not configured, hung, or just gone: what was known last is shown
            return
        before = {seen.object_id: (seen.score, seen.presence) for seen in known.objects}
        objects = tuple(
            SeenObject(
                one.object_id,
                one.instance,
                one.class_name,
                one.state,
                *before.get(one.object_id, (0.0, 0.0)),
            )
            for one in listed
        )
        with self._lock:
            if self._found is known:  # else results came meanwhile, which are newer
                self._found = FoundObjects(known.session, objects)
                self._found_s = time.monotonic()

    def _listed(self, found: FoundObjects) -> tuple[Instrument, ...]:
        with self._lock:
            for seen in found.objects:
                self._order.setdefault(seen.object_id, len(self._order))
            order = dict(self._order)
        objects = sorted(found.objects, key=lambda seen: order[seen.object_id])
        return tuple(map(self._instrument, objects))

    def _instrument(self, seen: SeenObject) -> Instrument:
        naming = self._names.of(self.name, seen.object_id)
        return Instrument(
            object_id=seen.object_id,
            instance=seen.instance,
            name=naming.name or seen.object_id,
            class_name=naming.class_name or seen.class_name,
            state=TrackState(int(seen.state)),
            score=min(max(seen.score, 0.0), 1.0),
            presence=min(max(seen.presence, 0.0), 1.0),
            locked=naming.locked,
        )

    # What is done

    def preview(self, picture: Picture, prompt: Prompt) -> Preview:
        """Return what a prompt would select in a picture."""
        _check(prompt, picture)
        segments = self._ask(lambda: self._client.segment(picture.rgb, [prompt]))
        segment = segments[prompt.object_id]
        return Preview(segment.mask, segment.score)

    def give(self, picture: Picture, prompt: Prompt, author: str = '') -> None:
        """Start or correct an instrument as seen in a picture, by its own stamp."""
        _check(prompt, picture)
        object_id = prompt.object_id
        self._names.require_unlocked(self.name, object_id)
        known = next((i for i in self.instruments() if i.object_id == object_id), None)
        naming = self._names.of(self.name, object_id)
        if not prompt.class_name and naming.class_name:
            prompt = dataclasses.replace(prompt, class_name=naming.class_name)
        elif prompt.class_name:
            described = Description(class_name=prompt.class_name)
            self._names.change(self.name, object_id, described)
        self._prompt(picture.stamp_ns, prompt)
        called = self._names.called(self.name, object_id)
        if known is None:
            self._remember(f'{called} was removed again', lambda: self._remove(object_id))
            self._notices.tell(f'{called} was started', author)
        else:
            mask, stamp_ns = _mask_of(picture, known.instance), picture.stamp_ns
            self._remember(
                f'{called} has its former mask again',
                lambda: self._give_back(object_id, mask, stamp_ns, ''),
            )
            self._notices.tell(f'{called} was corrected', author)

    def remove(self, object_id: str, author: str = '') -> None:
        """End an instrument."""
        self._names.require_unlocked(self.name, object_id)
        known = next((i for i in self.instruments() if i.object_id == object_id), None)
        picture, naming = self._picture, self._names.of(self.name, object_id)
        self._remove(object_id)
        called = naming.name or object_id
        mask, stamp_ns, class_name = None, 0, known.class_name if known else ''
        if known is not None and picture is not None:
            mask, stamp_ns = _mask_of(picture, known.instance), picture.stamp_ns

        def give_back() -> None:
            self._give_back(object_id, mask, stamp_ns, class_name)
            self._names.put(self.name, object_id, naming)

        self._remember(f'{called} is back', give_back)
        self._notices.tell(f'{called} was removed', author)

    def describe(self, object_id: str, description: Description, author: str = '') -> None:
        """Change an instrument's name, class or lock."""
        if object_id not in {seen.object_id for seen in self.instruments()}:
            raise DeskError(f'{object_id} is not tracked by {self.name} any more')
        before = self._names.called(self.name, object_id)
        former = self._names.change(self.name, object_id, description)
        called = self._names.called(self.name, object_id)
        self._remember(
            f'{before} is named, classed and locked as before',
            lambda: self._names.put(self.name, object_id, former),
        )
        self._notices.tell(_describe_change(before, called, description), author)

    def undo(self, author: str = '') -> str:
        """Take back the newest change, and say in a sentence which."""
        with self._lock:
            if not self._undo:
                raise DeskError('there is nothing to undo')
            done, take_back = self._undo.pop()
        try:
            take_back()
        except DeskError as error:
            raise DeskError(f'the last change cannot be taken back: {error}') from error
        self._notices.tell(done, author)
        return done

    def _remember(self, sentence: str, take_back: Callable[[], None]) -> None:
        with self._lock:
            self._undo.append((sentence, take_back))

    def _prompt(self, stamp_ns: int, prompt: Prompt) -> None:
        self._change_ours(prompt.object_id)
        self._ask(
            lambda: self._client.add_objects(
                [prompt], header=stamp_header(stamp_ns), keep_old_points=prompt.adds_points
            )
        )
        self._change_ours(prompt.object_id)
        self._on_prompt(self.name, stamp_ns, prompt)

    def _remove(self, object_id: str) -> None:
        self._change_ours(object_id)
        self._ask(lambda: self._client.remove_object(object_id))
        self._change_ours(object_id)
        self._names.change(self.name, object_id, Description(locked=False))

    def _give_back(
        self, object_id: str, mask: MaskCrop | None, stamp_ns: int, class_name: str
    ) -> None:
        if mask is None or mask.box is None:
            raise DeskError(
                f'{self._names.called(self.name, object_id)} was not seen in that picture, so it '
                'has no former mask; click on it where it is seen'
            )
        self._prompt(stamp_ns, Prompt(object_id, mask=mask.expand(), class_name=class_name))

    # What comes, on the thread that spins

    def _take_report(self, before: NodeReport, after: NodeReport) -> None:
        for text, is_problem in changes(self.name, before, after):
            self._notices.tell(text, is_problem=is_problem)

    def _take_decision(self, object_id: str, text: str) -> None:
        called = self._names.called(self.name, object_id) if object_id else self.name
        self._notices.tell(f'{called} {text}')

    def _take_tracks(self, tracks) -> None:
        found = found_objects(tracks)
        with self._lock:
            before, self._found = self._found, found
            self._found_s = time.monotonic()
        self._tell_of_others(before, found)

    def _tell_of_others(self, before: FoundObjects, after: FoundObjects) -> None:
        """Tell what somebody else, or the node itself, has done to the objects."""
        if before.session and before.session != after.session:
            what = f'{len(after.objects)} instruments go on' if after.objects else 'none is left'
            self._notices.tell(f'{self.name} began anew: {what}', is_problem=True)
            return
        if not before.session:
            return
        known, living = ({seen.object_id for seen in one.objects} for one in (before, after))
        now = time.monotonic()
        with self._lock:
            self._ours = {key: until for key, until in self._ours.items() if until > now}
            ours = set(self._ours)
        for object_id in (living - known) - ours:
            self._notices.tell(f'{object_id} was started from elsewhere')
        for object_id in (known - living) - ours:
            called = self._names.called(self.name, object_id)
            self._notices.tell(f'{called} was removed from elsewhere', is_problem=True)

    def _change_ours(self, object_id: str) -> None:
        """Say that what happens to an object now is our doing."""
        with self._lock:
            self._ours[object_id] = time.monotonic() + self._ours_s


def _check(prompt: Prompt, picture: Picture) -> None:
    """Refuse a prompt that the picture cannot take, before anybody is asked."""
    try:
        check_shape(prompt)
        check_fit(prompt, picture.rgb.shape[:2])
    except PromptError as error:
        raise DeskError(str(error)) from error


def _mask_of(picture: Picture, instance: int) -> MaskCrop | None:
    """Return the mask of an instrument; kept for `undo`, so it is small."""
    return None if picture.labels is None else MaskCrop.of(picture.labels == instance)


def _describe_change(before: str, after: str, description: Description) -> str:
    parts = [] if before == after else [f'is now called {after}']
    if (class_name := description.class_name) is not None:
        parts.append(f'is now a {class_name}' if class_name else 'has no class of its own any more')
    if description.locked is not None:
        parts.append('is locked' if description.locked else 'is unlocked')
    return f'{before} {" and ".join(parts) or "is as it was"}'
