# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Runs the overseer after each image, and has its decisions carried out as requests.

They go the way of the operator's, through the queue of requests: all or nothing, after the
operator's, and answered. Nothing of this exists while instruments are not found by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future

import cv2
import numpy as np

from surgsam2_ros.discovery import Action, Decision, DiscoverySettings, Known, Observation, Overseer
from surgsam2_ros.discovery.overlap import Box
from surgsam2_ros.streaming.detections import DetectionQueue, Detections, PastImages
from surgsam2_ros.streaming.requests import (
    NEWEST_FRAME,
    Origin,
    PromptRequest,
    RequestError,
    RequestQueue,
)
from surgsam2_ros.streaming.tracked_frame import TrackedFrame
from surgsam2_ros.tracking import MaskCrop, Prompt, StreamingTracker
from surgsam2_ros.tracking.states import FrameTime

EXTERNAL, OWN = 'external', 'own'
_PICTURE_WIDTH = 320
_TIMEOUT_S = 5.0


class Oversight:
    """An overseer at work; all but `take` is for the thread that owns the tracker.

    Args:
        settings: of discovery.
        max_objects: most that the tracker follows.
        replay_frames: past images that prompts can still condition.
        requests: where decisions go.
        tell: receives every decision once it was carried out, or was not, with the reason.
        report: receives (kind, text) of every problem.
    """

    def __init__(
        self,
        settings: DiscoverySettings,
        *,
        max_objects: int,
        replay_frames: int,
        requests: RequestQueue,
        tell: Callable[[Decision], None],
        report: Callable[[str, str], None],
    ) -> None:
        self._settings, self._requests = settings, requests
        self._tell, self._report = tell, report
        self._overseer = Overseer(settings, max_objects, self._outline)
        self._detections = DetectionQueue(report)
        self._past = PastImages(max(replay_frames, 1))
        self._has_past = replay_frames > 0
        self._time, self._time_ns = FrameTime(), 0
        self._session: int | None = None
        self._underway: list[tuple[Decision, Future]] = []
        self._tracker: StreamingTracker | None = None

    def take(self, detections: Detections) -> None:
        """Take what a detector outside says; any thread may."""
        self._detections.put(detections)

    def frame_done(
        self, tracker: StreamingTracker, tracked: TrackedFrame, accepted: Sequence[PromptRequest]
    ) -> None:
        """Account for a tracked image and the prompts that were accepted with it."""
        try:
            self._frame_done(tracker, tracked, accepted)
        except Exception as error:  # tracking goes on without it
            self._report('discovery', f'nothing was decided: {type(error).__name__}: {error}')
        finally:
            self._tracker = None

    def _frame_done(
        self, tracker: StreamingTracker, tracked: TrackedFrame, accepted: Sequence[PromptRequest]
    ) -> None:
        self._tracker = tracker
        if tracked.session != self._session:
            self._begin(tracked.session)
        for request in accepted:
            if request.origin is Origin.OPERATOR:
                self._overseer.leave_to_operator(one.object_id for one in request.prompts)
        self._settle()
        image = self._observe(tracked)
        self._past.append(image, tracked.result.label_image.shape)
        decisions = self._overseer.see(image)
        if self._settings.takes_own:
            proposals = tracked.result.proposals
            decisions += self._overseer.look(image, proposals, OWN)
        for seen, proposals in self._detections.take(self._past):
            decisions += self._overseer.look(seen, proposals, EXTERNAL)
        for decision in decisions:
            self._carry_out(decision)

    def _begin(self, session: int) -> None:
        """Start with nothing: all objects were forgotten."""
        started = [
            decision.object_id
            for decision, future in self._underway
            if decision.action is Action.START and _succeeded(future)
        ]
        self._session, self._underway = session, []
        self._overseer.reset(started)
        self._past.clear()

    def _observe(self, tracked: TrackedFrame) -> Observation:
        stamp_ns, result = tracked.received.stamp_ns, tracked.result
        self._time_ns += self._time.step(stamp_ns or None)
        known = tuple(Known(one.object_id, one.crop, one.state) for one in result.tracks)
        picture = _small_picture(tracked.rgb)
        return Observation(result.frame_index, stamp_ns, self._time_ns / 1e9, known, picture)

    # Decisions

    def _carry_out(self, decision: Decision) -> None:
        if decision.action is Action.END:
            submit = self._submit_end
        elif decision.proposal is not None:
            submit = self._submit_prompt
        else:
            self._tell(decision)
            return
        try:
            self._underway.append((decision, submit(decision)))
        except RequestError as error:  # the node goes down
            self._answer(decision, str(error))

    def _submit_prompt(self, decision: Decision) -> Future:
        is_new = decision.action is Action.START
        prompt = Prompt(
            decision.object_id,
            box=decision.proposal.box,
            class_name=decision.proposal.class_name if is_new else '',
        )
        return self._requests.submit_prompts(
            [prompt],
            stamp_ns=decision.seen_in.stamp_ns if self._has_past else NEWEST_FRAME,
            allow_update=not is_new,
            timeout_s=_TIMEOUT_S,
            origin=Origin.OVERSEER,
        )

    def _submit_end(self, decision: Decision) -> Future:
        name = decision.object_id

        def remove(tracker: StreamingTracker) -> None:
            if not self._overseer.owns(name):
                raise RequestError('an operator prompted it meanwhile')
            tracker.remove_object(name)

        return self._requests.submit_call(remove, timeout_s=_TIMEOUT_S)

    def _settle(self) -> None:
        """Tell what became of the decisions that were underway."""
        underway, self._underway = self._underway, []
        for decision, future in underway:
            if not future.done():
                self._underway.append((decision, future))
                continue
            error = None if future.cancelled() else future.exception()
            refused = 'it was cancelled' if future.cancelled() else str(error or '')
            self._answer(decision, refused)

    def _answer(self, decision: Decision, refused: str) -> None:
        self._overseer.answer(decision, is_done=not refused)
        if refused:
            why = f'{decision.action.value} was refused: {refused}'
            decision = Decision(Action.REFUSE, decision.object_id, why, decision.seen_in)
        self._tell(decision)

    # Looks

    def _outline(self, seen_in: Observation, box: Box) -> MaskCrop | None:
        """Return the mask of what a box holds in an image, by the network; None where it fails."""
        size, picture = self._past.size_of(seen_in), seen_in.picture
        if size is None or picture is None:
            return None
        scale_x, scale_y = picture.shape[1] / size[1], picture.shape[0] / size[0]
        small = (box[0] * scale_x, box[1] * scale_y, box[2] * scale_x, box[3] * scale_y)
        try:
            (track,) = self._tracker.segment(picture, [Prompt('outline', box=small)]).tracks
        except Exception as error:  # a box beside the lit view, a device that is short of memory
            self._report('discovery', f'a detection has no outline: {error}')
            return None
        mask = track.mask.view(np.uint8)
        mask = cv2.resize(mask, (size[1], size[0]), interpolation=cv2.INTER_NEAREST)
        return MaskCrop.of(mask.view(bool))


def _succeeded(future: Future) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _small_picture(rgb: np.ndarray) -> np.ndarray:
    """Return a copy of an image that is no wider than looks and outlines need."""
    height, width = rgb.shape[:2]
    if width <= _PICTURE_WIDTH:
        return rgb.copy()
    size = _PICTURE_WIDTH, max(round(height * _PICTURE_WIDTH / width), 1)
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
