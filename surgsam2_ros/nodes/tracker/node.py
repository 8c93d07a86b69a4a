# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The managed node: images and prompts in, tracks with the images' own headers out.

Its transitions acquire and give back; the pipeline works, the object services take what is asked.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool

from surgsam2_ros.nodes.messages import qos
from surgsam2_ros.nodes.tracker.endpoints import image_input
from surgsam2_ros.nodes.tracker.endpoints.inputs import Inputs
from surgsam2_ros.nodes.tracker.endpoints.object_services import ObjectServices
from surgsam2_ros.nodes.tracker.endpoints.result_publisher import ResultPublisher
from surgsam2_ros.nodes.tracker.endpoints.topic_quality import TopicQuality
from surgsam2_ros.nodes.tracker.health.diagnostics import NodeDescription
from surgsam2_ros.nodes.tracker.health.inference_watch import InferenceWatch
from surgsam2_ros.nodes.tracker.health.load_shedding import LoadShedding
from surgsam2_ros.nodes.tracker.health.status_reporter import StatusOutputs, StatusReporter
from surgsam2_ros.nodes.tracker.life.impossible_transitions import refuse_impossible_transitions
from surgsam2_ros.nodes.tracker.life.manager_bond import ManagerBond, require_bond
from surgsam2_ros.nodes.tracker.life.restart import NodeIdentity, discard_snapshot, process_start_s
from surgsam2_ros.nodes.tracker.life.transitions import TransitionThread, told
from surgsam2_ros.nodes.tracker.parameters import (
    check_parameters,
    declare_parameters,
    read_parameters,
)
from surgsam2_ros.nodes.tracker.pipeline import Pipeline
from surgsam2_ros.nodes.tracker.tracker_loading import LoadedTracker
from surgsam2_ros.streaming.frame_slot import EVERY_FRAME
from surgsam2_ros.streaming.requests import RequestError

SUCCESS = TransitionCallbackReturn.SUCCESS
FAILURE = TransitionCallbackReturn.FAILURE
ERROR = TransitionCallbackReturn.ERROR

CLOSE_TIMEOUT_S = 0.8


class SurgSam2Node(LifecycleNode):
    """Tracks instruments in endoscope images; `load` makes the tracker, see `Pipeline`.

    configure subscribes, loads the network and warms it up, activate takes images, deactivate stops
    that and keeps objects and their memory, cleanup and shutdown give everything back.

    Attributes:
        parameters: the present parameters.
        pipeline: what tracks; None while not configured.
        reporter: tells status, diagnostics and problems.
        active, enabled: whether images are taken, and whether they are tracked.
        exit_status: what the process is to end with.
    """

    def __init__(self, load: Callable[..., LoadedTracker] | None = None, **node_options) -> None:
        super().__init__('surgsam2', **node_options)
        self._load = load
        refuse_impossible_transitions(self)
        declare_parameters(self)
        self.parameters = read_parameters(self)
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._take_parameters)
        self.pipeline: Pipeline | None = None
        self.active = False
        self.enabled = True
        self.exit_status = 0
        self._quality = TopicQuality(self.get_logger().warning)
        self._bond = ManagerBond(self, self.get_logger().warning)
        self._shedding = LoadShedding(
            self,
            parameters=lambda: self.parameters,
            load=lambda: self.reporter.load() if self.active and self.enabled else None,
            pipeline=lambda: self.pipeline,
        )
        self._identity = NodeIdentity.of(self, self.image_topic)
        # A node that starts by itself is as late as its process: imports take seconds.
        self._began_s = process_start_s() if self.parameters.autostart else None
        self.reporter = StatusReporter(
            StatusOutputs.of(self), self._describe, self.parameters.diagnostics
        )
        self._object_services = ObjectServices(
            report=self.reporter.report,
            report_exception=self.reporter.report_exception,
            executor=lambda: self.executor,
            configured=self._require_configured,
            tracking=self._require_tracking,
            timeout_s=lambda: self.parameters.tracking.prompt_timeout_s,
        )
        self._object_services.offer(self)
        self._inputs = Inputs(
            self,
            self._quality,
            is_enabled=lambda: self.active and self.enabled,
            on_received=self.reporter.frame_received,
            take_prompts=self._object_services.take_prompts,
            prompt_of_click=lambda click: self.pipeline.clicks.prompt(click),
            take_detections=lambda detections: self.pipeline.take_detections(detections),
            now_ns=self.now_ns,
        )
        self._transitions = TransitionThread(self)
        group = self._transitions.group
        self.create_service(
            SetBool, '~/enable', self._enable, qos_profile=qos.SERVICES, callback_group=group
        )
        self._watch = InferenceWatch(
            self,
            self.reporter,
            pipeline=lambda: self.pipeline,
            parameters=lambda: self.parameters,
            image_topic=lambda: self.image_topic,
            on_failure=self._leave_active,
            on_hopeless=self._end_process,
        )
        self._jumps = image_input.watch_clock(self, self._clock_set_back)
        if self.parameters.autostart:
            self._autostart_timer = self.create_timer(
                0.0, self._autostart, clock=Clock(clock_type=ClockType.STEADY_TIME)
            )
        else:
            self.get_logger().info('waiting for a manager; autostart:=true does without')

    # Transitions

    @told
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe, create the outputs, load the network and warm it up."""
        self.parameters = read_parameters(self)
        began_s, self._began_s = self._began_s or time.time(), None
        self._identity = NodeIdentity.of(self, self.image_topic)
        self.enabled = True  # a pause ends with the configuration that it was made in
        try:
            require_bond(self.parameters.bond_timeout_s)
            self._inputs.connect(self.parameters.input, self.parameters.discovery)
            self.pipeline = Pipeline(
                self.parameters,
                ResultPublisher(
                    self, self._quality, self.parameters.output, self.parameters.discovery
                ),
                self.reporter,
                identity=self._identity,
                began_s=began_s,
                output=self._shedding.output,
                now_ns=self.now_ns,
                is_ended=lambda: not self.context.ok(),
                load=self._load,
            )
        except InterruptedError:  # the process is ending
            return FAILURE
        except (OSError, ValueError, RuntimeError) as error:
            self._inputs.disconnect()
            self.reporter.report('configure', f'not configured: {error}')
            self.reporter.publish_status('unconfigured')
            return FAILURE
        self.pipeline.take_input_settings(self.parameters.input)  # they may have changed meanwhile
        loaded = self.pipeline.loaded
        self.get_logger().info(
            f'configured: {loaded.model} from {loaded.checkpoint} on {loaded.device}, '
            f'{loaded.arithmetic}, {loaded.engine.name}'
        )
        if self.pipeline.restored:
            self.get_logger().info(self.pipeline.restored)
        self.reporter.reset()
        self.reporter.publish_status('inactive')
        return super().on_configure(state)

    @told
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start publishing and take images and prompts."""
        if self.pipeline.inference.failure:
            return ERROR
        result = super().on_activate(state)
        self.reporter.reset()
        self._quality.reset()
        self._shedding.reset()
        self.pipeline.resume_snapshots()
        self._start_input()
        self.reporter.publish_status('active')
        self.get_logger().info(f'active: waiting for images on {self.image_topic}')
        return result

    @told
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop the input and finish the image in work; objects and their memory are kept.

        With the every_frame policy the images in the queue are finished as well. ERROR when the
        image in work does not come to an end, or nothing can be tracked any more.
        """
        finished = self._stop_input(keep_snapshot=bool(self.pipeline.inference.failure))
        result = super().on_deactivate(state)
        if not finished or self.pipeline.inference.failure:
            return ERROR
        self.reporter.publish_status('inactive')
        return result

    @told
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the network, the device and the objects; ERROR when they are still in use."""
        result = super().on_cleanup(state)
        if not self._give_back():
            return ERROR
        self.reporter.publish_status('unconfigured')
        return result

    @told
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give everything back, from whatever state."""
        self._stop_input()
        result = super().on_shutdown(state)
        self._give_back()
        self.reporter.publish_status('finalized')
        return result

    @told
    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give everything back, so that the node can be configured anew.

        Where that fails, or the device was lost, the node is finalized: another network beside the
        one that is still in use might not fit, and only a new process is sure to be free of it.
        """
        freed = self._give_back(keep_snapshot=True)
        self.reporter.publish_status('unconfigured' if freed else 'finalized')
        return SUCCESS if freed else FAILURE

    def close(self) -> None:
        """Give everything back because the process ends, as far as there is time."""
        meant = self.exit_status == 0
        pipeline = self.pipeline
        if meant:  # at once: a transition may take longer than there is time
            discard_snapshot(self.parameters.restart, self._identity)
            if pipeline is not None:
                pipeline.suspend_snapshots()
        if self._transitions.close(CLOSE_TIMEOUT_S):
            self._give_back(keep_snapshot=not meant)

    def destroy_node(self) -> None:
        """Leave the graph, also where the interpreter does not get to end as usual."""
        super().destroy_node()
        self._state_machine.destroy_when_not_in_use()  # rclpy forgets it, and it holds the node

    def _give_back(self, *, keep_snapshot: bool = False) -> bool:
        """Give everything back, whatever there is; False when the network is still in use.

        Args:
            keep_snapshot: let the objects come back if the node is configured again soon.
        """
        if not keep_snapshot:
            discard_snapshot(self.parameters.restart, self._identity)
        self._stop_input(keep_snapshot=keep_snapshot)
        self._inputs.disconnect()
        if self.pipeline is not None:
            reason = self.pipeline.inference.failure or 'the inference thread did not end'
            if not self.pipeline.destroy():
                if self.context.ok():  # else the process ends, and that frees it
                    text = f'{reason}; its memory is not freed, restart the process of the node'
                    self.reporter.report('stop', text)
                return False
            self.pipeline = None
        return True

    def _leave_active(self) -> None:
        """Leave ACTIVE by way of an error: images come, but nothing can be tracked any more."""
        if self.active and not self._transitions.busy:
            self.reporter.report('inference', self.pipeline.inference.failure)
            self._transitions.start(self.trigger_deactivate)

    def _end_process(self, status: int = os.EX_SOFTWARE) -> None:
        """End the process with a status that says whether a supervisor should start a new one."""
        self.exit_status = status
        self.context.try_shutdown()

    # Input

    @property
    def image_topic(self) -> str:
        """Resolved name of the image topic."""
        return self.resolve_topic_name(image_input.image_topic(self.parameters.input))

    def _start_input(self) -> None:
        self.active = True
        self._inputs.open(self.pipeline.slot)
        self._bond.form(self.parameters.bond_timeout_s)

    def _stop_input(self, *, keep_snapshot: bool = False) -> bool:
        """Stop the input and finish the image in work; False when it did not come to an end."""
        was_active, self.active = self.active, False
        self._bond.end()
        if self.pipeline is not None and not keep_snapshot:
            self.pipeline.suspend_snapshots()
        if not was_active:
            return True
        self._inputs.close()
        waiting, finished = self.pipeline.drain(
            'the node was deactivated; activate it and ask again',
            finish=self.parameters.input.policy == EVERY_FRAME and self.context.ok(),
        )
        if waiting and self.context.ok():
            self.get_logger().warning(f'{waiting} images that waited were not tracked')
        return finished

    def _describe(self, lifecycle: str) -> NodeDescription:
        """Return what status and diagnostics say about the node."""
        state = NodeDescription(
            lifecycle=lifecycle,
            enabled=self.enabled,
            input_topic=self.image_topic,
            publishers=self.count_publishers(self.image_topic),
            publisher_names=image_input.rival_publishers(self, self.image_topic),
            timeout_s=self.parameters.input.timeout_s,
            quality=self._quality.counts,
            degraded=self._shedding.sentences,
        )
        pipeline = self.pipeline  # a transition may take it away meanwhile
        return state if pipeline is None else pipeline.describe(state, hang=self._watch.hang)

    def _clock_set_back(self) -> None:
        if (pipeline := self.pipeline) is not None:
            pipeline.inference.expect_jump()

    def now_ns(self) -> int:
        """Return the node's clock, simulated or not [ns]."""
        return self.get_clock().now().nanoseconds

    # Requests

    def _require_configured(self) -> Pipeline:
        """Return the pipeline.

        Raises:
            RequestError: there is none.
        """
        pipeline = self.pipeline
        if pipeline is None:
            raise RequestError('the node is not configured; configure and activate it first')
        return pipeline

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

    async def _enable(
        self, request: SetBool.Request, response: SetBool.Response
    ) -> SetBool.Response:
        if self._transitions.busy:
            response.message = 'the node changes its state; ask again when that is done'
            return response
        await self._transitions.run(lambda: self._set_enabled(request.data))
        response.success = True
        response.message = 'tracking' if request.data else 'paused: images are not looked at'
        return response

    def _set_enabled(self, enabled: bool) -> None:
        if enabled and not self.enabled:
            self.reporter.resume()
        self.enabled = enabled
        if not enabled and self.pipeline is not None:
            self.pipeline.drain('tracking was paused; call ~/enable with data: true')
        self.reporter.publish_status()

    # Parameters

    def _check_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        # Also while it is being configured, by the parameters of when that began.
        configured = self.pipeline is not None or self._transitions.busy
        return check_parameters(parameters, configured=configured)

    def _take_parameters(self, _parameters: list[Parameter]) -> None:
        self.parameters = read_parameters(self)
        self.reporter.take_parameters(self.parameters.diagnostics)
        if (pipeline := self.pipeline) is not None:
            pipeline.take_input_settings(self.parameters.input)

    def _autostart(self) -> None:
        self.destroy_timer(self._autostart_timer)
        self._transitions.start(self._bring_up)

    def _bring_up(self) -> None:
        if self.trigger_configure() == SUCCESS and self.trigger_activate() == SUCCESS:
            return
        if self.context.ok():  # not asked to end meanwhile
            self.get_logger().fatal('could not start by itself, no manager is there: ending')
            self._end_process(os.EX_CONFIG)
