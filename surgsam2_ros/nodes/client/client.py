# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The node's services and results as plain Python methods, for scripts, tests and notebooks.

Example:
    >>> with SurgSam2Client('/endoscope/left/surgsam2') as client:
    ...     client.configure()
    ...     client.activate()
    ...     client.add_object('needle_driver', points=[(320, 240)])
    ...     tracks = client.wait_for_tracks()
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_msgs.msg import Header
from std_srvs.srv import SetBool, Trigger

from surgsam2_msgs.msg import TrackArray, TrackerStatus
from surgsam2_msgs.srv import AddObjects, ListObjects, RemoveObject, SegmentImage
from surgsam2_ros.nodes.client.asking import ask, await_service
from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.nodes.client.results import (
    NodeState,
    ObjectState,
    Segment,
    SurgSam2Error,
    TrackedObject,
)
from surgsam2_ros.nodes.messages import qos
from surgsam2_ros.nodes.messages.images import decode_mask_message, make_rgb_image
from surgsam2_ros.nodes.messages.requests import prompt_message
from surgsam2_ros.nodes.messages.underway import UNDERWAY

CONFIGURE_TIMEOUT_S = 120.0
TRACKS_KEPT = 100
# Deeper than the publisher's, so that a busy script misses nothing.
TRACKS = qos.qos_profile('DEFAULT', TRACKS_KEPT)


class SurgSam2Client:
    """Calls a surgsam2 node and waits for its answers.

    Every method may be called from any thread but the one that spins `node`.

    Args:
        target: name of the node, with its namespace.
        node: node to use; it has to be spun in another thread. Without it the client has a node
            and a thread of its own, until `close`.
        timeout_s: longest wait for an answer [s].
    """

    def __init__(
        self, target: str = '/surgsam2', *, node: Node | None = None, timeout_s: float = 15.0
    ) -> None:
        self.target = target
        self._timeout_s = timeout_s
        self._owner = NodeThread('surgsam2_client') if node is None else None
        self._node = self._owner.node if self._owner else node
        self._clients: dict[str, Any] = {}
        self._introduced: dict[str, frozenset] = {}  # services, and the processes that know us
        self._arrived = threading.Condition()
        self._tracks: deque[TrackArray] = deque(maxlen=TRACKS_KEPT)
        self._status: TrackerStatus | None = None
        self._subscriptions: dict[str, Any] = {}

    def __enter__(self) -> SurgSam2Client:
        return self

    def __exit__(self, *_exception) -> None:
        self.close()

    def close(self) -> None:
        """Remove the subscriptions and clients, and the client's own node."""
        for subscription in self._subscriptions.values():
            self._node.destroy_subscription(subscription)
        for client in self._clients.values():
            self._node.destroy_client(client)
        self._subscriptions.clear()
        self._clients.clear()
        if self._owner:
            self._owner.close()

    # Lifecycle

    def state(self) -> NodeState:
        """Return the node's lifecycle state."""
        answer = self._call(GetState, 'get_state', GetState.Request(), repeats=True)
        return NodeState(answer.current_state.id)

    def configure(self, timeout_s: float = CONFIGURE_TIMEOUT_S) -> None:
        """Load the network; raises SurgSam2Error with the node's reason when that fails."""
        self._change_state(Transition.TRANSITION_CONFIGURE, 'configure', timeout_s)

    def activate(self) -> None:
        """Start tracking."""
        self._change_state(Transition.TRANSITION_ACTIVATE, 'activate')

    def deactivate(self) -> None:
        """Stop tracking; objects are kept."""
        self._change_state(Transition.TRANSITION_DEACTIVATE, 'deactivate')

    def cleanup(self) -> None:
        """Free the network, the device and the objects."""
        self._change_state(Transition.TRANSITION_CLEANUP, 'clean up')

    def shutdown(self) -> None:
        """Finalize the node, from whatever state; its process goes on."""
        transitions = {
            NodeState.UNCONFIGURED: Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
            NodeState.INACTIVE: Transition.TRANSITION_INACTIVE_SHUTDOWN,
            NodeState.ACTIVE: Transition.TRANSITION_ACTIVE_SHUTDOWN,
        }
        state = self.state()
        if state in transitions:
            self._change_state(transitions[state], 'shut down')

    def set_parameters(self, values: Mapping[str, Any]) -> None:
        """Set parameters, all or nothing for each; raises SurgSam2Error with the first reason."""
        request = SetParameters.Request()
        request.parameters = [
            Parameter(name, value=value).to_parameter_msg() for name, value in values.items()
        ]
        answer = self._call(SetParameters, 'set_parameters', request)
        for result in answer.results:
            if not result.successful:
                raise SurgSam2Error(result.reason)

    # Objects

    def add_object(
        self,
        object_id: str,
        *,
        points: Sequence | None = None,
        labels: Sequence[int] | None = None,
        box: Sequence[float] | None = None,
        mask: np.ndarray | None = None,
        class_name: str = '',
        header: Header | None = None,
        allow_update: bool = True,
        keep_old_points: bool = False,
    ) -> int:
        """Add an object, or refine a known one; returns its value in the label image.

        Args:
            object_id: its name.
            points: [P, 2] pixels (x, y).
            labels: [P] 1 on the object, 0 off it; all 1 when left out.
            box: (x0, y0, x1, y1) pixels.
            mask: [H, W], nonzero on the object.
            class_name: kind of instrument.
            header: of the image that was looked at; the newest image when left out.
            allow_update: whether a known object is refined instead of rejected.
            keep_old_points: whether the points add to those given before for the same image.
        """
        given = {'points': points, 'labels': labels, 'box': box, 'mask': mask}
        prompt = SimpleNamespace(object_id=object_id, class_name=class_name, **given)
        return self.add_objects(
            [prompt], header=header, allow_update=allow_update, keep_old_points=keep_old_points
        )[object_id]

    def add_objects(
        self,
        prompts: Sequence[Any],
        *,
        header: Header | None = None,
        allow_update: bool = True,
        keep_old_points: bool = False,
    ) -> dict[str, int]:
        """Add or refine several objects, all or nothing.

        Args:
            prompts: surgsam2_ros.tracking.Prompt, or anything with its attributes.
            header, allow_update, keep_old_points: as in add_object.

        Returns:
            all living objects and their values in the label image.
        """
        request = AddObjects.Request(header=header or Header(), allow_update=allow_update)
        request.prompts = [
            prompt_message(prompt, keep_old_points=keep_old_points) for prompt in prompts
        ]
        answer = self._demand(self._call(AddObjects, 'add_objects', request))
        return dict(zip(answer.object_ids, answer.object_indices, strict=True))

    def remove_object(self, object_id: str) -> None:
        """Forget one object."""
        request = RemoveObject.Request(object_id=object_id)
        self._demand(self._call(RemoveObject, 'remove_object', request))

    def list_objects(self) -> list[TrackedObject]:
        """Return the living objects."""
        request = ListObjects.Request()
        answer = self._demand(self._call(ListObjects, 'list_objects', request, repeats=True))
        columns = (answer.object_ids, answer.object_indices, answer.class_names)
        states = map(ObjectState, answer.states)
        rows = zip(*columns, states, answer.frames_since_seen, strict=True)
        return [TrackedObject(*row) for row in rows]

    def reset(self) -> None:
        """Forget all objects."""
        self._demand(self._call(Trigger, 'reset', Trigger.Request()))

    def enable(self, enabled: bool = True) -> None:
        """Pause tracking, or go on."""
        self._demand(self._call(SetBool, 'enable', SetBool.Request(data=enabled)))

    def segment(self, rgb: np.ndarray, prompts: Sequence[Any]) -> dict[str, Segment]:
        """Segment one image, apart from the tracked objects.

        Args:
            rgb: uint8 [H, W, 3].
            prompts: surgsam2_ros.tracking.Prompt, or anything with its attributes.
        """
        request = SegmentImage.Request(image=make_rgb_image(Header(), rgb))
        request.prompts = [prompt_message(prompt) for prompt in prompts]
        answer = self._demand(self._call(SegmentImage, 'segment', request))
        columns = (answer.object_ids, answer.masks, answer.scores, answer.presences)
        return {
            object_id: Segment(object_id, decode_mask_message(mask), score, presence)
            for object_id, mask, score, presence in zip(*columns, strict=True)
        }

    # Results

    def follow_tracks(self) -> None:
        """Start receiving tracks, so that none of the coming ones is missed."""
        self._subscribe('tracks', TrackArray, self._tracks.append, TRACKS)

    @property
    def tracks(self) -> list[TrackArray]:
        """The results received last, oldest first."""
        with self._arrived:
            return list(self._tracks)

    def forget_tracks(self) -> None:
        """Forget the results received so far."""
        with self._arrived:
            self._tracks.clear()

    def wait_for_tracks(
        self, *, stamp: Time | None = None, timeout_s: float | None = None
    ) -> TrackArray:
        """Wait for the next result, or for that of the image with a stamp.

        Raises:
            SurgSam2Error: it did not come in time.
        """
        self.follow_tracks()
        last = self.tracks[-1] if stamp is None and self.tracks else None

        def wanted() -> TrackArray | None:
            if stamp is not None:
                return next((t for t in self._tracks if t.header.stamp == stamp), None)
            newest = self._tracks[-1] if self._tracks else None
            return newest if newest is not last else None

        return self._wait(wanted, 'tracks', timeout_s)

    def wait_for_status(
        self,
        condition: Callable[[TrackerStatus], bool] = lambda status: True,
        *,
        timeout_s: float | None = None,
    ) -> TrackerStatus:
        """Wait until the node's status fulfils a condition, and return it."""
        self._subscribe('status', TrackerStatus, self._set_status, qos.STATUS)

        def wanted() -> TrackerStatus | None:
            fulfilled = self._status is not None and condition(self._status)
            return self._status if fulfilled else None

        return self._wait(wanted, 'status', timeout_s)

    def _set_status(self, status: TrackerStatus) -> None:
        self._status = status

    def _subscribe(self, name: str, message_type: type, store: Callable, profile) -> None:
        if name in self._subscriptions:
            return

        def receive(message) -> None:
            with self._arrived:
                store(message)
                self._arrived.notify_all()

        self._subscriptions[name] = self._node.create_subscription(
            message_type, f'{self.target}/{name}', receive, profile
        )

    def _wait(self, wanted: Callable[[], Any], name: str, timeout_s: float | None) -> Any:
        timeout_s = self._timeout_s if timeout_s is None else timeout_s
        with self._arrived:
            if not self._arrived.wait_for(lambda: wanted() is not None, timeout_s):
                raise SurgSam2Error(
                    f'nothing of the kind came on {self.target}/{name} within {timeout_s:g} s'
                )
            return wanted()

    # Calls

    def _demand(self, answer: Any) -> Any:
        if not answer.success:
            raise SurgSam2Error(answer.message, getattr(answer, 'rejected_object_ids', ()))
        return answer

    def _change_state(self, transition: int, verb: str, timeout_s: float | None = None) -> None:
        request = ChangeState.Request(transition=Transition(id=transition))
        if self._call(ChangeState, 'change_state', request, timeout_s).success:
            return
        state = self.state()
        if state.is_transition:
            doing = state.name.lower().replace('_', ' ')
            raise SurgSam2Error(f'{self.target} did not {verb}: it is {doing}, ask again later')
        try:
            at_rest = self.wait_for_status(
                lambda status: status.message not in UNDERWAY.values(), timeout_s=2.0
            )
            reason = at_rest.message
        except SurgSam2Error:
            reason = 'its log says why'
        raise SurgSam2Error(f'{self.target} did not {verb}: {reason}')

    def _call(
        self,
        service: type,
        name: str,
        request: Any,
        timeout_s: float | None = None,
        *,
        repeats: bool = False,
    ) -> Any:
        """Call a service of the node.

        Args:
            service, name: type, and name below that of the node.
            request: what to send.
            timeout_s: longest wait for the answer [s]; None: as the client was made.
            repeats: whether the request has no effect, so that it may be sent again.
        """
        timeout_s = self._timeout_s if timeout_s is None else timeout_s
        deadline = time.monotonic() + timeout_s
        if name not in self._clients:
            self._clients[name] = self._node.create_client(service, f'{self.target}/{name}')
        client = self._clients[name]
        await_service(client, timeout_s)
        if repeats:
            return ask(client, request, deadline)
        self._introduce(name, deadline)
        return ask(client, request, deadline, sends_again=lambda: self._introduce(name, deadline))

    def _introduce(self, name: str, deadline: float) -> bool:
        """Make sure that the node can answer on a service, before a request that has an effect.

        `wait_for_service` tells that we found the node, not that it found us: an answer that it
        sends before is lost. It learns of our endpoints in the order in which they were made, so
        when an answer comes to one made last it knows the others. A node that was started anew
        learns of them anew, and has not got what was asked of the one before.

        Returns:
            whether the node, or this process of it, did not know us.
        """
        known, processes = self._introduced.get(name), self._answering(name)
        if known is not None and processes <= known:
            return False
        probe = self._node.create_client(GetState, f'{self.target}/get_state')
        try:
            await_service(probe, max(deadline - time.monotonic(), 0.0))
            ask(probe, GetState.Request(), deadline)
        finally:
            self._node.destroy_client(probe)
        self._introduced[name] = processes
        return True

    def _answering(self, name: str) -> frozenset[bytes]:
        """Return the DDS writers that answer on a service: others when a node was started anew."""
        path = self._node.resolve_service_name(f'{self.target}/{name}')
        writers = self._node.get_publishers_info_by_topic(f'rr{path}Reply', no_mangle=True)
        return frozenset(bytes(writer.endpoint_gid) for writer in writers)
