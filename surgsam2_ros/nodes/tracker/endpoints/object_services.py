# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The node's services on objects: each becomes a request that the inference thread answers.

The callbacks are coroutines: while they wait for the inference thread the executor goes on with
images and other services.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import Executor
from rclpy.node import Node
from std_srvs.srv import Trigger

from surgsam2_msgs.msg import PromptArray
from surgsam2_msgs.srv import AddObjects, ListObjects, RemoveObject, SegmentImage
from surgsam2_ros.nodes.messages import qos
from surgsam2_ros.nodes.messages.images import decode_image_message, make_label_image
from surgsam2_ros.nodes.messages.prompts import (
    prompts_from_message,
    prompts_from_request,
)
from surgsam2_ros.nodes.tracker.life.awaiting import answer_of
from surgsam2_ros.nodes.tracker.pipeline import Pipeline
from surgsam2_ros.sources.image_encodings import EncodingError
from surgsam2_ros.streaming.requests import RequestError, RequestQueue
from surgsam2_ros.streaming.tracked_frame import PromptOutcome
from surgsam2_ros.tracking import PromptError, UnknownObjectError


class ObjectServices:
    """`~/add_objects`, `~/remove_object`, `~/list_objects`, `~/segment` and `~/reset`.

    They work in every state of the node and say what is missing when they cannot.

    Args:
        report: hears of what goes wrong: its kind, and a sentence.
        report_exception: hears of errors that nobody foresaw: what failed, and the error.
        executor: runs the callbacks.
        configured: the pipeline; raises RequestError while there is none.
        tracking: the pipeline that images come to; raises RequestError while they do not.
        timeout_s: how long a request may wait now [s].
    """

    def __init__(
        self,
        *,
        report: Callable[[str, str], None],
        report_exception: Callable[[str, Exception], None],
        executor: Callable[[], Executor],
        configured: Callable[[], Pipeline],
        tracking: Callable[[], Pipeline],
        timeout_s: Callable[[], float],
    ) -> None:
        self._report, self._report_exception, self._executor = report, report_exception, executor
        self._configured, self._tracking, self._timeout_s = configured, tracking, timeout_s

    def offer(self, node: Node) -> None:
        """Have a node offer them."""
        # A coroutine that waits must not keep the other callbacks from running.
        group = ReentrantCallbackGroup()
        for service, name, callback in (
            (AddObjects, '~/add_objects', self._add_objects),
            (RemoveObject, '~/remove_object', self._remove_object),
            (ListObjects, '~/list_objects', self._list_objects),
            (SegmentImage, '~/segment', self._segment),
            (Trigger, '~/reset', self._reset),
        ):
            node.create_service(
                service, name, callback, qos_profile=qos.SERVICES, callback_group=group
            )

    def take_prompts(self, message: PromptArray) -> None:
        """Queue the prompts of a topic message; what goes wrong is reported as a problem."""
        try:
            prompts = prompts_from_message(message)
            future = self._submit_prompts(prompts, message.header.stamp, allow_update=True)
        except Exception as error:  # a bad message must not end the node
            self._report('prompts', f'prompts were rejected: {self._explain(error)}')
            return
        future.add_done_callback(self._report_rejected)

    def _report_rejected(self, future: Future) -> None:
        error = None if future.cancelled() else future.exception()
        if error is not None:
            self._report('prompts', f'prompts were rejected: {error}')

    async def _add_objects(
        self, request: AddObjects.Request, response: AddObjects.Response
    ) -> AddObjects.Response:
        try:
            prompts = prompts_from_request(request)
            future = self._submit_prompts(
                prompts, request.header.stamp, allow_update=request.allow_update
            )
            outcome = await answer_of(future, self._executor())
        except Exception as error:  # a service answers whatever happens
            response.message = self._explain(error)
            response.rejected_object_ids = _objects_at_fault(error)
            await self._fill_objects(response)
            return response
        _set_objects(response, outcome.objects)
        response.success = True
        response.message = _describe_outcome([p.object_id for p in prompts], outcome)
        return response

    async def _remove_object(
        self, request: RemoveObject.Request, response: RemoveObject.Response
    ) -> RemoveObject.Response:
        def remove(tracker) -> tuple:
            tracker.remove_object(request.object_id)
            return tuple(tracker.objects)

        try:
            _set_objects(response, await self._call(remove))
        except Exception as error:
            response.message = self._explain(error)
            await self._fill_objects(response)
            return response
        response.success = True
        response.message = f'removed {request.object_id!r}'
        return response

    async def _list_objects(
        self, _request: ListObjects.Request, response: ListObjects.Response
    ) -> ListObjects.Response:
        try:
            pipeline = self._configured()
            objects = await self._call(lambda tracker: tuple(tracker.objects))
        except Exception as error:
            response.message = self._explain(error)
            return response
        response.success = True
        response.message = f'{len(objects)} objects'
        _set_objects(response, objects)
        response.class_names = [item.class_name for item in objects]
        response.states = [int(item.state) for item in objects]
        response.frames_since_seen = [item.frames_since_seen for item in objects]
        if pipeline.last_header is not None:
            response.header = pipeline.last_header
        return response

    async def _segment(
        self, request: SegmentImage.Request, response: SegmentImage.Response
    ) -> SegmentImage.Response:
        try:
            prompts = prompts_from_request(request)
            result = await self._call(
                lambda tracker: tracker.segment(decode_image_message(request.image), prompts),
                self._configured().side_requests,
            )
        except Exception as error:
            response.message = self._explain(error)
            response.rejected_object_ids = _objects_at_fault(error)
            return response
        for track in result.tracks:
            response.object_ids.append(track.object_id)
            mask = track.mask.view(np.uint8) * np.uint8(255)
            response.masks.append(make_label_image(request.image.header, mask))
            response.scores.append(track.score)
            response.presences.append(track.presence)
        response.success = True
        response.message = f'segmented {len(result.tracks)} objects'
        return response

    async def _reset(
        self, _request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        try:
            inference = self._configured().inference
            await self._call(lambda _tracker: inference.reset())
        except Exception as error:
            response.message = self._explain(error)
            return response
        response.success = True
        response.message = 'all objects were forgotten'
        return response

    def _submit_prompts(self, prompts: Sequence[Any], stamp, *, allow_update: bool) -> Future:
        return self._tracking().requests.submit_prompts(
            prompts,
            stamp_ns=stamp.sec * 1_000_000_000 + stamp.nanosec,
            allow_update=allow_update,
            timeout_s=self._timeout_s(),
        )

    async def _call(
        self, function: Callable[[Any], Any], requests: RequestQueue | None = None
    ) -> Any:
        if requests is None:
            requests = self._configured().requests
        future = requests.submit_call(function, timeout_s=self._timeout_s())
        return await answer_of(future, self._executor())

    async def _fill_objects(self, response: Any) -> None:
        """Tell the living objects in a response that failed, where there are any."""
        with contextlib.suppress(RequestError):
            _set_objects(response, await self._call(lambda tracker: tuple(tracker.objects)))

    def _explain(self, error: Exception) -> str:
        """Text for the caller; what nobody foresaw goes to the log with its traceback."""
        expected = (PromptError, RequestError, EncodingError, UnknownObjectError)
        if isinstance(error, expected):
            return str(error)
        self._report_exception('a service failed', error)
        return f'{type(error).__name__}: {error}'


def _set_objects(response: Any, objects: Sequence[Any]) -> None:
    response.object_ids = [item.object_id for item in objects]
    response.object_indices = [item.instance for item in objects]


def _objects_at_fault(error: Exception) -> list[str]:
    if isinstance(error, RequestError):
        return list(error.object_ids)
    object_id = getattr(error, 'object_id', None)
    return [object_id] if object_id else []


def _describe_outcome(object_ids: list[str], outcome: PromptOutcome) -> str:
    text = f'prompted {", ".join(object_ids)}'
    if outcome.moved_ns:
        side = 'later' if outcome.moved_ns > 0 else 'earlier'
        text += (
            f'; the image of that stamp was not tracked, the one {abs(outcome.moved_ns) / 1e6:.0f}'
            f' ms {side} was used'
        )
    return text
