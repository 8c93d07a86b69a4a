# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the node holds while it is configured: slot, requests, inference thread and outputs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from std_msgs.msg import Header

from surgsam2_ros.nodes.messages.images import decode_compressed_message, decode_image_message
from surgsam2_ros.nodes.tracker.image_input import COMPRESSED
from surgsam2_ros.nodes.tracker.parameters import InputParameters, Parameters
from surgsam2_ros.nodes.tracker.result_publisher import ResultPublisher, has_foreign_stamp
from surgsam2_ros.nodes.tracker.tracker_loading import LoadedTracker, load_tracker
from surgsam2_ros.streaming.frame_slot import FrameSlot
from surgsam2_ros.streaming.inference_thread import InferenceThread, TrackedFrame
from surgsam2_ros.streaming.requests import RequestQueue
from surgsam2_ros.tracking import StreamingTracker, TrackState

if TYPE_CHECKING:
    from surgsam2_ros.nodes.tracker.node import SurgSam2Node

IDLE_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 10.0
_WORK_FACTOR = 4  # longest that an image may take, in times the last one
# Longest that a deactivation waits for the queue of the every_frame policy.
QUEUE_TIMEOUT_S = 30.0


class Pipeline:
    """A loaded, warm tracker with everything around it, from the frame slot to the publishers.

    Args:
        node: the node it works for.
        parameters: what to load and how to run it.

    Attributes:
        loaded: the network and what it runs on.
        slot: takes images.
        requests: takes requests of services and topics.
        inference: the thread that owns the tracker.
        last_header: header of the last image whose result was published, or None.

    Raises:
        whatever load_tracker raises; nothing is left behind then.
    """

    def __init__(self, node: SurgSam2Node, parameters: Parameters) -> None:
        wake = threading.Event()
        settings = parameters.input
        self.loaded: LoadedTracker | None = None
        self.slot = FrameSlot(settings.policy, capacity=settings.queue_size, wake=wake)
        self.requests = RequestQueue(wake=wake)
        self.last_header: Header | None = None
        self._results: ResultPublisher | None = None
        self._node = node
        self.inference = InferenceThread(
            load=lambda: self._load(parameters),
            slot=self.slot,
            requests=self.requests,
            wake=wake,
            decode=(
                decode_compressed_message
                if settings.transport == COMPRESSED
                else decode_image_message
            ),
            publish=self._publish,
            on_dropped=node.reporter.frame_dropped,
            report=node.reporter.report,
            now_ns=node.now_ns,
            replay_frames=parameters.tracking.prompt_buffer_frames,
        )
        self.take_input_settings(settings)
        self._warned_of_clock = False
        try:
            self.inference.start(is_cancelled=lambda: not node.context.ok())
            self._results = ResultPublisher(node, self.loaded.model)
        except BaseException:
            self.inference.stop()
            raise

    def take_input_settings(self, settings: InputParameters) -> None:
        """Take the settings that may change while images are tracked."""
        self.inference.max_age_ms = settings.max_age_ms
        self.inference.reset_on_jump = settings.reset_on_jump

    @property
    def num_objects(self) -> int:
        """Objects in the last tracked image."""
        last = self.inference.last_result
        return len(last.result.tracks) if last is not None else 0

    @property
    def uncertain_objects(self) -> tuple[str, ...]:
        """Names of the objects that are UNCERTAIN in the last tracked image."""
        last = self.inference.last_result
        tracks = last.result.tracks if last is not None else ()
        return tuple(t.object_id for t in tracks if t.state == TrackState.UNCERTAIN)

    def drain(self, reason: str, *, finish: bool = False) -> tuple[int, bool]:
        """Drop waiting images, fail waiting requests and finish the image in work.

        Args:
            reason: told to those whose requests fail.
            finish: track the waiting images first, as far as there is time.

        Returns:
            how many images were dropped, and whether the image in work was finished.
        """
        if finish:
            self.inference.wait_idle(QUEUE_TIMEOUT_S)
        waiting = self.slot.clear()
        self.requests.fail_all(reason)
        finished = self.inference.wait_idle(IDLE_TIMEOUT_S + self._work_s())
        if not finished:
            self._node.reporter.report('inference', 'the image in work did not come to an end')
        return waiting, finished

    def destroy(self) -> bool:
        """Free the network and the device, remove the outputs.

        May be called again when the thread did not end in time: it returned False.
        """
        freed = self.inference.stop(STOP_TIMEOUT_S + self._work_s())
        if self._results is not None:
            self._results.destroy()
            self._results = None
        return freed

    def _work_s(self) -> float:
        """How long an image may be in work [s]: some large networks take many seconds."""
        last = self.inference.last_result
        return _WORK_FACTOR * last.inference_ms / 1e3 if last is not None else 0.0

    def _load(self, parameters: Parameters) -> StreamingTracker:
        self.loaded = load_tracker(parameters, self._node.get_logger().warning)
        on_cpu = self.loaded.device == 'cpu'  # a GPU would do both one after the other
        self.inference.encode_ahead = parameters.model.encode_ahead and on_cpu
        return self.loaded.tracker

    def _publish(self, frame: TrackedFrame) -> None:
        """Publish a result; runs on the inference thread."""
        node = self._node
        if not node.context.ok():  # interrupted: there is nobody to publish to
            return
        if has_foreign_stamp(frame.received) and not self._warned_of_clock:
            self._warned_of_clock = True
            apart_s = (frame.received.received_ns - frame.received.stamp_ns) / 1e9
            node.get_logger().warning(
                f'image stamps are {apart_s:.0f} s behind the clock, so latency counts from '
                'arrival; with a bag or a simulator set use_sim_time and publish /clock'
            )
        results = self._results
        if results is None:  # it took so long that the node gave up
            return
        latency_ms = results.publish(frame, node.parameters.output, node.now_ns())
        self.last_header = frame.received.message.header
        node.reporter.frame_published(latency_ms, frame.inference_ms)
