# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The managed node: images and prompts in, tracks with the images' own headers out.

Its transitions acquire and give back; the pipeline does the work and the object services take what
is asked of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.subscription import Subscription
from std_srvs.srv import SetBool

from surgsam2_msgs.msg import PromptArray
from surgsam2_ros.nodes.messages import qos
from surgsam2_ros.nodes.tracker.diagnostics import NodeState
from surgsam2_ros.nodes.tracker.image_input import ImageInput, image_topic
from surgsam2_ros.nodes.tracker.object_services import ObjectServices
from surgsam2_ros.nodes.tracker.parameters import (
    check_parameters,
    declare_parameters,
    read_parameters,
)
from surgsam2_ros.nodes.tracker.pipeline import Pipeline
from surgsam2_ros.nodes.tracker.result_publisher import ResultPublisher
from surgsam2_ros.nodes.tracker.status_reporter import StatusReporter
from surgsam2_ros.streaming.frame_slot import EVERY_FRAME
from surgsam2_ros.streaming.requests import (
    CallRequest,
    PromptRequest,
    RequestError,
    format_stamp,
)
from surgsam2_ros.streaming.stamp_order import OVERTAKEN_NS

SUCCESS = TransitionCallbackReturn.SUCCESS
FAILURE = TransitionCallbackReturn.FAILURE
ERROR = TransitionCallbackReturn.ERROR

EXPIRY_PERIOD_S = 0.1

Transition = Callable[['SurgSam2Node', LifecycleState], TransitionCallbackReturn]


def _logs_errors(transition: Transition) -> Transition:
    """Tell what went wrong in a transition, which rclpy keeps to itself."""

    @functools.wraps(transition)
    def logged(node: SurgSam2Node, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(node, state)
        except Exception as error:
            node.reporter.report_exception(f'{transition.__name__} failed', error)
            return ERROR

    return logged


class SurgSam2Node(LifecycleNode):
    """Tracks instruments in endoscope images.

    configure loads the network and warms it up, activate subscribes, deactivate stops the input
    and keeps objects and their memory, cleanup and shutdown give everything back.

    Attributes:
        parameters: the present parameters.
        pipeline: what tracks; None while not configured.
        reporter: tells status, diagnostics and problems.
        active, enabled: whether images are subscribed to, and whether they are tracked.
    """

    def __init__(self, **node_options) -> None:
        super().__init__('surgsam2', **node_options)
        declare_parameters(self)
        self.parameters = read_parameters(self)
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._take_parameters)
        self.pipeline: Pipeline | None = None
        self.active = False
        self.enabled = True
        self._image_input: ImageInput | None = None
        self._prompt_input: Subscription | None = None
        self.reporter = StatusReporter(self, self._describe, self.parameters.diagnostics)
        self._object_services = ObjectServices(
            self,
            self.reporter,
            configured=self._require_configured,
            tracking=self._require_tracking,
            timeout_s=lambda: self.parameters.tracking.prompt_timeout_s,
        )
        self.create_service(SetBool, '~/enable', self._enable, qos_profile=qos.SERVICES)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        backward = Duration(nanoseconds=-OVERTAKEN_NS)
        threshold = JumpThreshold(min_forward=None, min_backward=backward, on_clock_change=False)
        self._jumps = self.get_clock().create_jump_callback(
            threshold, post_callback=self._clock_jumped
        )
        self.create_timer(EXPIRY_PERIOD_S, self._expire_requests, clock=steady)
        if self.parameters.autostart:
            self._autostart_timer = self.create_timer(0.0, self._autostart, clock=steady)
        else:
            self.get_logger().info(
                'waiting to be configured and activated; autostart:=true does without a manager'
            )

    # Transitions

    @_logs_errors
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the network, warm it up and create the outputs."""
        self.parameters = read_parameters(self)
        self.enabled = True  # a pause ends with the configuration that it was made in
        try:
            self.pipeline = Pipeline(
                self.parameters,
                ResultPublisher(self),
                self.reporter,
                output=lambda: self.parameters.output,
                now_ns=self.now_ns,
                is_ended=lambda: not self.context.ok(),
            )
        except InterruptedError:  # the process is ending
            return FAILURE
        except (OSError, ValueError, RuntimeError) as error:
            self.reporter.report('configure', f'not configured: {error}')
            self.reporter.publish_status('unconfigured')
            return FAILURE
        loaded = self.pipeline.loaded
        self.get_logger().info(
            f'configured: {loaded.model} from {loaded.checkpoint} on {loaded.device}, '
            f'{loaded.precision}'
        )
        self.reporter.reset()
        self.reporter.publish_status('inactive')
        return super().on_configure(state)

    @_logs_errors
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start publishing and subscribe to images and prompts."""
        result = super().on_activate(state)
        self.reporter.reset()
        self._start_input()
        self.reporter.publish_status('active')
        self.get_logger().info(f'active: waiting for images on {self.image_topic}')
        return result

    @_logs_errors
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop the input and finish the image in work; objects and their memory are kept.

        With the every_frame policy the images in the queue are finished as well. ERROR when the
        image in work does not come to an end.
        """
        finished = self._stop_input()
        result = super().on_deactivate(state)
        if not finished:
            return ERROR
        self.reporter.publish_status('inactive')
        return result

    @_logs_errors
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the network, the device and the objects; ERROR when they are still in use."""
        result = super().on_cleanup(state)
        if not self.close():
            return ERROR
        self.reporter.publish_status('unconfigured')
        return result

    @_logs_errors
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give everything back, from whatever state."""
        self._stop_input()
        result = super().on_shutdown(state)
        self.close()
        self.reporter.publish_status('finalized')
        return result

    @_logs_errors
    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give everything back, so that the node can be configured anew.

        Where that fails the node is finalized: another network beside the one that is still in use
        might not fit, and only a new process is sure to be free of it.
        """
        freed = self.close()
        self.reporter.publish_status('unconfigured' if freed else 'finalized')
        return SUCCESS if freed else FAILURE

    def close(self) -> bool:
        """Give everything back, whatever there is; False when the network is still in use."""
        self._stop_input()
        if self.pipeline is not None:
            if not self.pipeline.destroy():
                self.reporter.report(
                    'stop',
                    'the inference thread did not end and its memory is not freed; restart the '
                    'process of the node',
                )
                return False
            self.pipeline = None
        return True

    # Input

    @property
    def image_topic(self) -> str:
        """Resolved name of the image topic."""
        return self.resolve_topic_name(image_topic(self.parameters.input))

    def _start_input(self) -> None:
        self._image_input = ImageInput(
            self,
            self.parameters.input,
            slot=self.pipeline.slot,
            is_enabled=lambda: self.enabled,
            on_received=self.reporter.frame_received,
            now_ns=self.now_ns,
        )
        self._prompt_input = self.create_subscription(
            PromptArray, 'prompts', self._object_services.take_prompts, qos.PROMPTS
        )
        self.active = True

    def _stop_input(self) -> bool:
        """Stop the input and finish the image in work; False when it did not come to an end."""
        self.active = False
        if self._image_input is None:
            return True
        self._image_input.destroy()
        self.destroy_subscription(self._prompt_input)
        self._image_input = self._prompt_input = None
        waiting, finished = self.pipeline.drain(
            'the node was deactivated; activate it and ask again',
            finish=self.parameters.input.policy == EVERY_FRAME and self.context.ok(),
        )
        if waiting and self.context.ok():
            self.get_logger().warning(f'{waiting} images that waited were not tracked')
        return finished

    def _describe(self, lifecycle: str) -> NodeState:
        """Return what status and diagnostics say about the node."""
        state = NodeState(
            lifecycle=lifecycle,
            enabled=self.enabled,
            input_topic=self.image_topic,
            publishers=self.count_publishers(self.image_topic),
            timeout_s=self.parameters.input.timeout_s,
        )
        if self.pipeline is None:
            return state
        loaded, header = self.pipeline.loaded, self.pipeline.last_header
        return state._replace(
            model=loaded.model,
            checkpoint=loaded.checkpoint,
            device=loaded.device,
            precision=loaded.precision,
            engine=loaded.engine.name,
            engine_failures=tuple(loaded.failures),
            num_objects=self.pipeline.num_objects,
            uncertain=self.pipeline.uncertain_objects,
            frame_id=header.frame_id if header is not None else '',
        )

    def _clock_jumped(self, _jump: TimeJump) -> None:
        """Note that /clock was set back, as when a bag starts over."""
        if self.pipeline is not None:
            self.pipeline.inference.expect_jump()

    def now_ns(self) -> int:
        """Return the node's clock, simulated or not [ns]."""
        return self.get_clock().now().nanoseconds

    # Requests

    def _require_configured(self) -> Pipeline:
        """Return the pipeline.

        Raises:
            RequestError: there is none.
        """
        if self.pipeline is None:
            raise RequestError('the node is not configured; configure and activate it first')
        return self.pipeline

    def _require_tracking(self) -> Pipeline:
        """Return the pipeline, which images are coming to.

        Raises:
            RequestError: they are not, and prompts would wait for nothing.
        """
        pipeline = self._require_configured()
        if not self.active:
            raise RequestError('the node is inactive; activate it first')
        if not self.enabled:
            raise RequestError('tracking is paused; call ~/enable with data: true first')
        return pipeline

    def _enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        if request.data and not self.enabled:
            self.reporter.resume()
        self.enabled = request.data
        if not self.enabled and self.pipeline is not None:
            self.pipeline.drain('tracking was paused; call ~/enable with data: true')
        response.success = True
        response.message = 'tracking' if self.enabled else 'paused: images are not looked at'
        self.reporter.publish_status()
        return response

    def _expire_requests(self) -> None:
        if self.pipeline is not None:
            self.pipeline.requests.expire(self._explain_timeout)

    def _explain_timeout(self, request: PromptRequest | CallRequest) -> str:
        waited = f'within {self.parameters.tracking.prompt_timeout_s:g} s'
        if isinstance(request, CallRequest):
            return f'the tracker was busy and did not answer {waited}; ask again'
        publishers = f'{self.count_publishers(self.image_topic)} publishers on {self.image_topic}'
        if request.stamp_ns:
            return (
                f'no image of {format_stamp(request.stamp_ns)} or newer was tracked {waited} '
                f'({publishers}); use stamp 0 for the newest image'
            )
        return (
            f'no image was tracked {waited} ({publishers}); check the camera, the remapping of '
            'the topic, input.transport and input.qos'
        )

    # Parameters

    def _check_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        return check_parameters(parameters, configured=self.pipeline is not None)

    def _take_parameters(self, _parameters: list[Parameter]) -> None:
        self.parameters = read_parameters(self)
        self.reporter.take_parameters(self.parameters.diagnostics)
        if self.pipeline is not None:
            self.pipeline.take_input_settings(self.parameters.input)

    def _autostart(self) -> None:
        self.destroy_timer(self._autostart_timer)
        if self.trigger_configure() == SUCCESS:
            self.trigger_activate()
