# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Gives the tracker the prompts that a frame lets in, and answers those that it refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from surgsam2_ros.streaming.requests import (
    FrameHistory,
    Origin,
    PromptRequest,
    PromptTarget,
    RequestError,
    RequestQueue,
)
from surgsam2_ros.tracking import PromptError, StreamingTracker

Accepted = tuple[PromptRequest, PromptTarget]


class PromptIntake:
    """Takes prompts from the queue to the tracker, on the thread that owns it.

    Args:
        requests: where prompts wait.
        history: the frames tracked so far.
        report: receives a sentence about an error that nobody foresaw.
    """

    def __init__(
        self, requests: RequestQueue, history: FrameHistory, report: Callable[[str], None]
    ) -> None:
        self._requests, self._history, self._report = requests, history, report

    def take(
        self, tracker: StreamingTracker, stamp_ns: int, image_size: tuple[int, int]
    ) -> list[Accepted]:
        """Give the tracker the prompts that a frame lets in; returns those it accepted.

        Operators' come first: what they prompt is left alone by the overseer.

        Args:
            tracker: gets the prompts.
            stamp_ns: of the frame about to be tracked [ns].
            image_size: (H, W) of it.
        """
        accepted: list[Accepted] = []
        claimed = self._requests.take_prompts(self._history, stamp_ns)
        for request, target in sorted(claimed, key=lambda one: one[0].origin):
            try:
                if request.origin is Origin.OVERSEER:
                    _check_standing(request, accepted, tracker)
                _give(tracker, request, target, image_size)
            except RequestError as error:
                request.future.set_exception(error)
            except PromptError as error:
                object_ids = [error.object_id] if error.object_id else []
                request.future.set_exception(RequestError(str(error), object_ids))
            except Exception as error:  # handed to who asked
                text = f'prompts were not taken: {type(error).__name__}: {error}'
                self._report(text)
                request.future.set_exception(RequestError(text))
            else:
                accepted.append((request, target))
        return accepted

    def repeat(
        self,
        tracker: StreamingTracker,
        accepted: Iterable[Accepted],
        image_size: tuple[int, int],
    ) -> None:
        """Give prompts again, which the tracker took back when their frame failed."""
        for request, target in accepted:
            _give(tracker, request, target, image_size)


def _check_standing(
    request: PromptRequest, accepted: Iterable[Accepted], tracker: StreamingTracker
) -> None:
    """Raise RequestError where an operator has decided otherwise meanwhile."""
    by_operator = {
        prompt.object_id
        for other, _ in accepted
        if other.origin is Origin.OPERATOR
        for prompt in other.prompts
    }
    living = {one.object_id for one in tracker.objects}
    for prompt in request.prompts:
        if prompt.object_id in by_operator:
            raise RequestError('an operator prompted it meanwhile', [prompt.object_id])
        if request.allow_update and prompt.object_id not in living:
            raise RequestError('it was removed meanwhile', [prompt.object_id])


def _give(
    tracker: StreamingTracker,
    request: PromptRequest,
    target: PromptTarget,
    image_size: tuple[int, int],
) -> None:
    tracker.add_objects(
        request.prompts,
        allow_update=request.allow_update,
        image_size=image_size,
        frame_index=target.frame_index,
    )


def count_replayed(accepted: Sequence[Accepted], frame_index: int) -> int:
    """Count the past frames that prompts have the tracker go through again before `frame_index`."""
    past = [target.frame_index for _, target in accepted if target.frame_index is not None]
    return frame_index - min(past) if past else 0
