# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the node holds while it is configured: slot, requests, inference thread and outputs."""

from __future__ import annotations

import threading
from collections.abc import Callable

from std_msgs.msg import Header

from surgsam2_ros.discovery import Decision
from surgsam2_ros.nodes.messages.cv_bridge_fallback import has_sound_cv_bridge
from surgsam2_ros.nodes.messages.images import decode_compressed_message, decode_image_message
from surgsam2_ros.nodes.tracker.endpoints.clicked_pixels import ClickedPixels
from surgsam2_ros.nodes.tracker.endpoints.image_input import COMPRESSED
from surgsam2_ros.nodes.tracker.endpoints.result_publisher import ResultPublisher
from surgsam2_ros.nodes.tracker.health.diagnostics import NodeDescription
from surgsam2_ros.nodes.tracker.health.status_reporter import StatusReporter
from surgsam2_ros.nodes.tracker.life.restart import NodeIdentity, start_snapshots
from surgsam2_ros.nodes.tracker.oversight import start_oversight
from surgsam2_ros.nodes.tracker.parameters import InputParameters, OutputParameters, Parameters
from surgsam2_ros.nodes.tracker.tracker_loading import LoadedTracker, load_tracker
from surgsam2_ros.streaming.call_thread import CallThread
from surgsam2_ros.streaming.detections import Detections
from surgsam2_ros.streaming.frame_slot import FrameSlot
from surgsam2_ros.streaming.inference_thread import InferenceThread
from surgsam2_ros.streaming.requests import CallRequest, PromptRequest, RequestQueue
from surgsam2_ros.streaming.tracked_frame import TrackedFrame
from surgsam2_ros.streaming.watchdog import WORK_FACTOR
from surgsam2_ros.tracking import StreamingTracker, TrackState

IDLE_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 10.0
_SIGNS_PER_LEASE = 4  # of life, while there is nothing to track
# Longest that a deactivation waits for the queue of the every_frame policy.
QUEUE_TIMEOUT_S = 30.0


class Pipeline:
    """A loaded, warm tracker with everything around it, from the frame slot to the publishers.

    Args:
        parameters: what to load and how to run it.
        results: the outputs; removed with the pipeline.
        reporter: hears of frames and problems.
        identity: which node of which camera this is.
        began_s: the time that the age of a snapshot counts to, by the system's clock [s].
        output: the present settings of the outputs.
        now_ns: the clock that stamps are compared with [ns].
        is_ended: whether the process was told to end.
        load: makes the tracker, as `load_tracker`; None loads one with a network of its own.

    Attributes:
        loaded: the network and what it runs on.
        slot: takes images.
        requests: takes requests of services and topics.
        side_requests: takes calls that only read the network.
        inference: the thread that owns the tracker.
        clicks: makes prompts of clicked pixels.
        last_header: header of the last image whose result was published, or None.

    Raises:
        whatever load_tracker raises; nothing is left behind then.
    """

    def __init__(
        self,
        parameters: Parameters,
        results: ResultPublisher,
        reporter: StatusReporter,
        *,
        identity: NodeIdentity,
        began_s: float,
        output: Callable[[], OutputParameters],
        now_ns: Callable[[], int],
        is_ended: Callable[[], bool],
        load: Callable[..., LoadedTracker] | None = None,
    ) -> None:
        wake = threading.Event()
        settings = parameters.input
        self.loaded: LoadedTracker | None = None
        self.slot = FrameSlot(settings.policy, capacity=settings.queue_size, wake=wake)
        self.requests = RequestQueue(wake=wake)
        self.side_requests = self.requests
        self._side: CallThread | None = None
        self.last_header: Header | None = None
        self._results: ResultPublisher | None = results
        self._reporter, self._identity, self._began_s = reporter, identity, began_s
        self._awaited: set[str] = set()  # objects from a snapshot that were not TRACKED yet
        self._output, self._now_ns, self._is_ended = output, now_ns, is_ended
        self.inference = InferenceThread(
            load=lambda: self._load(parameters, load or load_tracker),
            slot=self.slot,
            requests=self.requests,
            wake=wake,
            decode=(
                decode_compressed_message
                if settings.transport == COMPRESSED
                else decode_image_message
            ),
            publish=self._publish,
            on_dropped=reporter.frame_dropped,
            report=reporter.report,
            now_ns=now_ns,
            replay_frames=parameters.tracking.prompt_buffer_frames,
        )
        self.inference.oversight = start_oversight(
            parameters, self.requests, tell=self._tell, report=reporter.report
        )
        self.clicks = ClickedPixels(
            max(parameters.tracking.prompt_buffer_frames, 1),
            lambda: {one.object_id for one in self.inference.objects},
        )
        if parameters.output.liveliness_lease_ms > 0:
            lease_s = parameters.output.liveliness_lease_ms / 1e3
            self.inference.tell_alive(self._tell_alive, lease_s / _SIGNS_PER_LEASE)
        self.take_input_settings(settings)
        try:
            self.inference.start(is_cancelled=is_ended)
        except BaseException:
            self.destroy()
            raise

    def take_input_settings(self, settings: InputParameters) -> None:
        """Take the settings that may change while images are tracked."""
        self.inference.max_age_ms = settings.max_age_ms
        self.inference.reset_on_jump = settings.reset_on_jump

    def take_detections(self, detections: Detections) -> None:
        """Take what a detector says; it is looked at once its image was tracked."""
        if self.inference.oversight is not None:
            self.inference.oversight.take(detections)

    @property
    def num_objects(self) -> int:
        """Living objects."""
        return len(self.inference.objects)

    @property
    def uncertain_objects(self) -> tuple[str, ...]:
        """Names of the objects that are UNCERTAIN in the last tracked image."""
        objects = self.inference.objects
        return tuple(item.object_id for item in objects if item.state == TrackState.UNCERTAIN)

    @property
    def rivals(self) -> tuple[tuple[str, str], ...]:
        """Pairs of objects that claim the same place in the last tracked image, each once."""
        rival = {item.object_id: item.rival for item in self.inference.objects}
        pairs = {tuple(sorted(pair)) for pair in rival.items() if pair[1] in rival}
        return tuple(sorted(pairs))

    @property
    def restored(self) -> str:
        """What came back from a snapshot, in words, until all of that is TRACKED again."""
        awaited = self._awaited.intersection(o.object_id for o in self.inference.objects)
        return str(self.inference.snapshots.restored) if awaited else ''

    def describe(self, state: NodeDescription, *, hang: str) -> NodeDescription:
        """Add what is loaded and tracked to what the node says about itself.

        Args:
            state: of the node.
            hang: what hangs on the inference thread and for how long, empty when nothing does.
        """
        loaded, header = self.loaded, self.last_header
        return state._replace(
            model=loaded.model,
            checkpoint=loaded.checkpoint,
            device=loaded.device,
            precision=loaded.precision,
            engine=loaded.engine.name,
            engine_failures=tuple(loaded.failures),
            num_objects=self.num_objects,
            uncertain=self.uncertain_objects,
            rivals=self.rivals,
            restored=self.restored,
            frame_id=header.frame_id if header is not None else '',
            hang=hang,
        )

    def expire_requests(self, describe: Callable[[PromptRequest | CallRequest], str]) -> None:
        """Fail the requests that waited for too long; `describe` says why."""
        for requests in {self.requests, self.side_requests}:
            requests.expire(describe)

    def subscribed_outputs(self) -> list[str]:
        """Return which of label_image and overlay somebody listens to."""
        return [] if self._results is None else self._results.subscribed()

    def suspend_snapshots(self) -> None:
        """Forget what was saved for a restart: the stop is meant."""
        if self.inference.snapshots is not None:
            self.inference.snapshots.suspend()

    def resume_snapshots(self) -> None:
        """Save the objects for a restart again."""
        if self.inference.snapshots is not None:
            self.inference.snapshots.resume()

    def drain(self, reason: str, *, finish: bool = False) -> tuple[int, bool]:
        """Drop waiting images, fail waiting requests and finish the image in work.

        Args:
            reason: told to those whose requests fail.
            finish: track the waiting images first, as far as there is time.

        Returns:
            how many images were dropped, and whether the image in work was finished.
        """
        if finish:
            self.inference.wait_idle(QUEUE_TIMEOUT_S, self._is_ended)
        waiting = self.slot.clear()
        self.requests.fail_all(reason)
        self.side_requests.fail_all(reason)
        finished = self.inference.wait_idle(IDLE_TIMEOUT_S + self._work_s(), self._is_ended)
        # Now, lest they count as dropped after the next activation, which counts from zero.
        self.inference.count_dropped(self.slot.take_dropped())
        if not finished and not self._is_ended():
            self._reporter.report('inference', 'the image in work did not come to an end')
        return waiting, finished

    def destroy(self) -> bool:
        """Free the network and the device, remove the outputs.

        May be called again when the thread did not end in time: it returned False.
        """
        freed = self.inference.stop(STOP_TIMEOUT_S + self._work_s(), self._is_ended)
        if self._side is not None:
            self.side_requests.fail_all('the tracker was shut down; configure the node')
            freed &= self._side.stop(0.0 if self._is_ended() else STOP_TIMEOUT_S)
        if self._results is not None:
            self._results.destroy()
            self._results = None
        if freed and self.loaded is not None:
            self.loaded.give_back()
        return freed

    def _work_s(self) -> float:
        """How long an image may be in work [s]: some large networks take many seconds."""
        return WORK_FACTOR * self.inference.frame_s

    def _load(self, parameters: Parameters, load: Callable[..., LoadedTracker]) -> StreamingTracker:
        has_sound_cv_bridge()  # found out now: it may take longer than an image can wait
        self.loaded = load(parameters, self._reporter.warn, self._reporter.inform)
        on_cpu = self.loaded.device == 'cpu'  # a GPU would do both one after the other
        self.inference.encode_ahead = parameters.model.encode_ahead and on_cpu
        if on_cpu:
            self._side = CallThread(self.loaded.tracker)
            self.side_requests = self._side.requests
        start_snapshots(
            self.inference,
            self.loaded,
            parameters.restart,
            self._identity,
            began_s=self._began_s,
            warmup_frames=parameters.model.warmup_frames,
            warn=self._reporter.warn,
            report=self._reporter.report,
        )
        self._awaited = {one.object_id for one in self.loaded.tracker.objects}
        return self.loaded.tracker

    def _tell_alive(self) -> None:
        """Tell subscribers that the inference thread goes on; runs on it."""
        if self._results is not None and not self._is_ended():
            self._results.assert_liveliness()

    def _tell(self, decision: Decision) -> None:
        """Publish a decision of the overseer; runs on the inference thread."""
        if self._results is not None and not self._is_ended():
            self._results.tell(decision, self.last_header.frame_id if self.last_header else '')

    def _publish(self, frame: TrackedFrame) -> None:
        """Publish a result; runs on the inference thread."""
        results = self._results
        # Nobody is left to publish to, or it took so long that the node gave up.
        if results is None or self._is_ended():
            return
        latency_ms = results.publish(frame, self._output(), self._now_ns(), self.loaded.model)
        self.last_header = frame.received.message.header
        self.clicks.remember(frame.received.stamp_ns, frame.result)
        if self._awaited:
            tracks = frame.result.tracks
            self._awaited -= {t.object_id for t in tracks if t.state == TrackState.TRACKED}
        self._reporter.frame_published(latency_ms, frame.inference_ms)
