# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The managed node: images and prompts in, tracks with the images' own headers out.

Its transitions acquire and give back; the work is done by the inference thread, and the services
are in object_services.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import traceback
from functools import partial

import rclpy
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.logging import get_logger
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool

from surgsam2_msgs.msg import PromptArray
from surgsam2_ros.nodes import qos
from surgsam2_ros.nodes.frame_slot import EVERY_FRAME, FrameSlot, ReceivedFrame
from surgsam2_ros.nodes.image_conversion import decode_compressed_message, decode_image_message
from surgsam2_ros.nodes.inference_thread import InferenceThread, TrackedFrame
from surgsam2_ros.nodes.object_requests import (
    CallRequest,
    PromptRequest,
    RequestError,
    RequestQueue,
    format_stamp,
)
from surgsam2_ros.nodes.object_services import ObjectServices
from surgsam2_ros.nodes.parameters import (
    ParameterError,
    check_parameters,
    declare_parameters,
    read_parameters,
)
from surgsam2_ros.nodes.result_publisher import ResultPublisher
from surgsam2_ros.nodes.status_reporter import StatusReporter
from surgsam2_ros.nodes.tracker_loading import LoadedTracker, load_tracker

SUCCESS = TransitionCallbackReturn.SUCCESS
FAILURE = TransitionCallbackReturn.FAILURE

EXPIRY_PERIOD_S = 0.1
DEACTIVATION_TIMEOUT_S = 10.0


class SurgSam2Node(LifecycleNode):
    """Tracks instruments in endoscope images.

    configure loads the network and warms it up, activate subscribes, deactivate stops the input
    and keeps objects and their memory, cleanup and shutdown give everything back.

    Attributes:
        parameters: the present parameters.
        inference, requests: the thread that tracks and its queue; None while not configured.
        loaded: what it runs; None while not configured.
        active, enabled: whether images are subscribed to, and whether they are tracked.
        last_header: header of the last image whose result was published, or None.
    """

    def __init__(self, **node_options) -> None:
        super().__init__('surgsam2', **node_options)
        declare_parameters(self)
        self.parameters = read_parameters(self)
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._take_parameters)
        self.loaded: LoadedTracker | None = None
        self.inference: InferenceThread | None = None
        self.requests: RequestQueue | None = None
        self.active = False
        self.enabled = True
        self.last_header: Header | None = None
        self._slot: FrameSlot | None = None
        self._results: ResultPublisher | None = None
        self._subscriptions_in: list = []
        self._object_services = ObjectServices(self)
        self.create_service(SetBool, '~/enable', self._enable)
        self._reporter = StatusReporter(self)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(EXPIRY_PERIOD_S, self._expire_requests, clock=steady)
        if self.parameters.autostart:
            self._autostart_timer = self.create_timer(0.0, self._autostart, clock=steady)

    # Transitions

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the network, warm it up and create the outputs."""
        try:
            self.parameters = read_parameters(self)
            self._start_inference()
            self._results = ResultPublisher(self, self.loaded.model)
        except (OSError, ValueError, RuntimeError) as error:
            self._release()
            self.report('configure', f'not configured: {error}')
            self._reporter.publish_status('unconfigured')
            return FAILURE
        except Exception as error:  # rclpy would swallow it
            self._release()
            self.report_exception('not configured', error)
            return FAILURE
        loaded = self.loaded
        self.get_logger().info(
            f'configured: {loaded.model} from {loaded.checkpoint} on {loaded.device}, '
            f'{loaded.precision}'
        )
        self._reporter.reset()
        self._reporter.publish_status('inactive')
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start publishing and subscribe to images and prompts."""
        result = super().on_activate(state)
        self._reporter.reset()
        self.active = True
        self._subscribe()
        self._reporter.publish_status('active')
        self.get_logger().info(f'active: waiting for images on {self.image_topic}')
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop the input, finish the image in work; objects and their memory are kept."""
        self._stop_input()
        result = super().on_deactivate(state)
        self._reporter.publish_status('inactive')
        return result

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the network, the device and the objects."""
        result = super().on_cleanup(state)
        self._release()
        self._reporter.publish_status('unconfigured')
        return result

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give everything back, from whatever state."""
        self._stop_input()
        result = super().on_shutdown(state)
        self._release()
        self._reporter.publish_status('finalized')
        return result

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give everything back, so that the node can be configured anew."""
        self._stop_input()
        self._release()
        self._reporter.publish_status('unconfigured')
        return SUCCESS

    def close(self) -> None:
        """Give everything back when the process ends without a transition."""
        self._stop_input()
        self._release()

    def _start_inference(self) -> None:
        wake = threading.Event()
        parameters = self.parameters
        self._slot = FrameSlot(
            parameters.input.policy, capacity=parameters.input.queue_size, wake=wake
        )
        self.requests = RequestQueue(wake=wake)
        compressed = parameters.input.transport == 'compressed'
        self.inference = InferenceThread(
            load=partial(self._load, parameters),
            slot=self._slot,
            requests=self.requests,
            wake=wake,
            decode=decode_compressed_message if compressed else decode_image_message,
            publish=self._publish,
            on_dropped=self._reporter.frame_dropped,
            report=self.report,
            now_ns=self.now_ns,
            replay_frames=parameters.tracking.prompt_buffer_frames,
        )
        self.inference.max_age_ms = parameters.input.max_age_ms
        self.inference.start(is_cancelled=lambda: not self.context.ok())

    def _load(self, parameters):
        self.loaded = load_tracker(parameters)
        return self.loaded.tracker

    def _release(self) -> None:
        """Free what on_configure acquired; harmless when there is nothing."""
        if self.inference is not None and not self.inference.stop():
            self.get_logger().error('the inference thread did not end; its memory is not freed')
        if self._results is not None:
            self._results.destroy()
        self.inference = self.requests = self.loaded = self._slot = self._results = None
        self.last_header = None

    @property
    def num_objects(self) -> int:
        """Objects in the last tracked image."""
        last = self.inference.last_result if self.inference is not None else None
        return len(last.result.tracks) if last is not None else 0

    # Input

    @property
    def image_topic(self) -> str:
        """Resolved name of the image topic."""
        compressed = self.parameters.input.transport == 'compressed'
        return self.resolve_topic_name('image/compressed' if compressed else 'image')

    def _subscribe(self) -> None:
        settings = self.parameters.input
        message_type = CompressedImage if settings.transport == 'compressed' else Image
        depth = settings.queue_size if settings.policy == EVERY_FRAME else 1
        profile = qos.qos_profile(settings.qos, depth)
        self._subscriptions_in = [
            self.create_subscription(message_type, self.image_topic, self._on_image, profile),
            self.create_subscription(
                PromptArray, 'prompts', self._object_services.take_prompts, qos.PROMPTS
            ),
        ]

    def _stop_input(self) -> None:
        """Unsubscribe, drop what waits, fail waiting prompts, finish the image in work."""
        self.active = False
        for subscription in self._subscriptions_in:
            self.destroy_subscription(subscription)
        self._subscriptions_in = []
        if self.inference is None:
            return
        waiting = self._slot.clear()
        if waiting:
            self.get_logger().warning(f'{waiting} images that waited were not tracked')
        self.requests.fail_all('the node was deactivated; activate it and ask again')
        if not self.inference.wait_idle(DEACTIVATION_TIMEOUT_S):
            self.get_logger().error('the image in work is not finished; its result is dropped')

    def _on_image(self, message: Image | CompressedImage) -> None:
        """Store the image for the inference thread; nothing else happens here."""
        if not self.enabled:
            return
        stamp = message.header.stamp
        stamp_ns = stamp.sec * 1_000_000_000 + stamp.nanosec
        self._reporter.frame_received()
        self._slot.put(ReceivedFrame(message, stamp_ns, self.now_ns()))

    def _publish(self, frame: TrackedFrame) -> None:
        """Publish a result; runs on the inference thread."""
        latency = self._results.publish(frame, self.parameters.output, self.now_ns())
        self.last_header = frame.received.message.header
        self._reporter.frame_published(latency, frame.inference_ms)

    def now_ns(self) -> int:
        """Return the node's clock, simulated or not [ns]."""
        return self.get_clock().now().nanoseconds

    # Requests

    def require_configured(self) -> RequestQueue:
        """Return the request queue.

        Raises:
            RequestError: the node holds no network.
        """
        if self.requests is None:
            raise RequestError('the node is not configured; configure and activate it first')
        return self.requests

    def require_active(self) -> None:
        """Check that images are being tracked.

        Raises:
            RequestError: they are not, and prompts would wait for nothing.
        """
        self.require_configured()
        if not self.active:
            raise RequestError('the node is inactive; activate it first')
        if not self.enabled:
            raise RequestError('tracking is paused; call ~/enable with data: true first')

    def _enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self.enabled = request.data
        if not self.enabled and self._slot is not None:
            self._slot.clear()
            self.requests.fail_all('tracking was paused; call ~/enable with data: true')
        response.success = True
        response.message = 'tracking' if self.enabled else 'paused: images are not looked at'
        self._reporter.publish_status()
        return response

    def _expire_requests(self) -> None:
        if self.requests:
            self.requests.expire(self._explain_timeout)

    def _explain_timeout(self, request: PromptRequest | CallRequest) -> str:
        waited = f'within {self.parameters.tracking.prompt_timeout_s:g} s'
        if isinstance(request, CallRequest):
            return f'the tracker was busy and did not answer {waited}; ask again'
        publishers = self.count_publishers(self.image_topic)
        if request.stamp_ns:
            return (
                f'no image of {format_stamp(request.stamp_ns)} or newer was tracked {waited} '
                f'({publishers} publishers on {self.image_topic}); use stamp 0 for the newest'
            )
        return (
            f'no image was tracked {waited} ({publishers} publishers on {self.image_topic}); '
            'check the camera, the remapping of the topic and its quality of service'
        )

    # Parameters and problems

    def _check_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        return check_parameters(parameters, configured=self.inference is not None)

    def _take_parameters(self, _parameters: list[Parameter]) -> None:
        self.parameters = read_parameters(self)
        self._reporter.take_parameters()
        if self.inference is not None:
            self.inference.max_age_ms = self.parameters.input.max_age_ms

    def report(self, kind: str, text: str) -> None:
        """Log a problem, seldom for each kind, and show it in status and diagnostics."""
        self._reporter.report(kind, text)

    def report_exception(self, what: str, error: Exception) -> None:
        """Report an error that nobody foresaw, with its traceback."""
        self.report('internal', f'{what}: {type(error).__name__}: {error}')
        self.get_logger().error(''.join(traceback.format_exception(error)))

    def _autostart(self) -> None:
        self.destroy_timer(self._autostart_timer)
        if self.trigger_configure() == SUCCESS:
            self.trigger_activate()


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted. Returns the exit status."""
    rclpy.init(args=args)
    try:
        node = SurgSam2Node()
    except ParameterError as error:
        get_logger('surgsam2').fatal(str(error))
        rclpy.try_shutdown()
        return 1
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
            executor.spin()
    finally:
        node.close()
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
