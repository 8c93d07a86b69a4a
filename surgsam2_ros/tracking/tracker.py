# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The streaming tracker: prompts and frames in, masks with stable ids out, frame by frame."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from surgsam2_ros.network.appearance_model import AppearanceModel
from surgsam2_ros.network.current_device import use_device
from surgsam2_ros.tracking.checkpoint import Checkpoint
from surgsam2_ros.tracking.config import AUTO, MOST_INSTANCES, TrackerConfig
from surgsam2_ros.tracking.engines import Engine
from surgsam2_ros.tracking.frame_step import FrameStep
from surgsam2_ros.tracking.memory_bank import MemoryBank
from surgsam2_ros.tracking.motion import Motion
from surgsam2_ros.tracking.object_step import ObjectStep
from surgsam2_ros.tracking.pending_result import Drawing, PendingResult, render_prompted
from surgsam2_ros.tracking.preprocess import PreparedFrame, check_image, resize_image
from surgsam2_ros.tracking.prompt_scaling import waiting_inputs
from surgsam2_ros.tracking.prompts import (
    Prompt,
    PromptError,
    UnknownObjectError,
    WaitingPrompt,
    check_fit,
    check_request,
    check_seen,
)
from surgsam2_ros.tracking.result import FrameResult, ObjectInfo
from surgsam2_ros.tracking.roll_forward import PastFrame, RollForward
from surgsam2_ros.tracking.states import FrameTime
from surgsam2_ros.tracking.tracked_object import TrackedObject, free_instance, new_object
from surgsam2_ros.tracking.view import Region, ViewFinder

if TYPE_CHECKING:
    from surgsam2_ros.network import SurgSAM2
    from surgsam2_ros.tracking.detector import Detector


class StreamingTracker:
    """Tracks objects through a stream of images of any length; the tensors it holds do not grow.

    A prompt given between two `track` calls conditions the next frame. Objects may come, be
    refined and go at any frame, without effect on the others. Not thread-safe: one thread owns it,
    though `prepare` and `segment` may be called from others.

    With the default config the result equals that of the official predictor on the same frames,
    object by object, for clips of 16 frames or more (below, the official code scales the times of
    object pointers by the length of the clip). Small holes in masks are not filled; the official
    code fills them where its CUDA extension is installed.

    Example:
        >>> network = load_network('models/surgsam2_nano_320.yaml')
        >>> tracker = StreamingTracker(network)
        >>> tracker.add_object('scissors', box=(120, 80, 260, 190))
        >>> result = tracker.track(np.zeros((512, 640, 3), np.uint8))
        >>> result.label_image.shape, result.tracks[0].instance
        ((512, 640), 1)
    """

    def __init__(
        self,
        network: SurgSAM2,
        config: TrackerConfig | None = None,
        engine: Engine | None = None,
        detector: Detector | None = None,
    ) -> None:
        """Track with this network, which must be in evaluation mode.

        Args:
            network: with weights.
            config: the default one when None.
            engine: what runs the network for frames without prompts; plain PyTorch when None.
            detector: looks for instruments in every frame, for `FrameResult.proposals`; it changes
                nothing else. None: nobody does, and frames without objects are not encoded.

        Raises:
            ValueError: when the network is in training mode or the config does not fit it.
        """
        if network.training:
            raise ValueError('the network is in training mode; call network.eval() first')
        self.config = TrackerConfig() if config is None else config
        self._network = network.prepare_inference()
        with torch.inference_mode():
            self._bank = MemoryBank(network, self.config)
        engine = Engine.eager(network) if engine is None else engine
        self._engine, self._encode = engine, engine.encoder.encode
        self._detector = detector
        self._step = FrameStep(network, self._bank, engine.stepper.track)
        self._motion = Motion(network, self.config.motion_hint)
        self._appearance = AppearanceModel(network, self.config.appearance_model)
        self._object_step = ObjectStep(self._step, self._appearance, self.config)
        self._past = RollForward(
            self.config.replay_frames, self._encode, self._motion, self._object_step.run
        )
        self._objects: dict[str, TrackedObject] = {}
        self._frame_index = 0
        self._newest_instance = 0
        self._time = FrameTime()
        self._view = ViewFinder(self.config.region == AUTO)
        self._region: Region | None = None
        self._newest_image: torch.Tensor | None = None
        self._unremembered: Callable[[], None] | None = None

    @property
    def frame_index(self) -> int:
        """Frames processed since the last reset; the index that the next frame will have."""
        return self._frame_index

    @property
    def detects(self) -> bool:
        """Whether it has a detector of its own, so that results have proposals."""
        return self._detector is not None

    @property
    def objects(self) -> tuple[ObjectInfo, ...]:
        """All objects, in the order in which they were added, as of the newest frame."""
        return tuple(tracked.info for tracked in self._objects.values())

    def add_object(
        self,
        object_id: str,
        *,
        points: Any = None,
        labels: Any = None,
        box: Any = None,
        mask: Any = None,
        class_name: str = '',
    ) -> None:
        """Add or refine one object; see `Prompt` for the arguments and `add_objects`."""
        self.add_objects([Prompt(object_id, points, labels, box, mask, class_name)])

    @torch.inference_mode()
    def add_objects(
        self,
        prompts: Sequence[Prompt],
        *,
        allow_update: bool = True,
        image_size: tuple[int, int] | None = None,
        frame_index: int | None = None,
    ) -> None:
        """Add objects, or refine known ones; either all prompts are taken or none.

        A new object is segmented from its prompt alone. A known one is tracked into the frame
        first and then corrected; the correction counts from that frame on.

        Args:
            prompts: at most one per object.
            allow_update: whether a prompt may name a known object.
            image_size: (H, W) of the image that the prompts were made on. None: that of the frame
                named by `frame_index`, else of the newest frame; before the first frame the
                prompts are checked when it comes.
            frame_index: a processed frame that the prompts belong to, at most `replay_frames`
                old; what followed is computed once more within the next `track` call. None: the
                next frame.

        Raises:
            PromptError: naming the object and what is wrong; nothing was changed.
        """
        check_request(prompts)
        known = [prompt for prompt in prompts if prompt.object_id in self._objects]
        if known and not allow_update:
            raise PromptError(
                known[0].object_id, 'the object exists already; allow updates to refine it'
            )
        number = len(self._objects) + len(prompts) - len(known)
        if number > self.config.max_objects:
            raise PromptError(
                prompts[-1].object_id,
                f'there would be {number} objects; at most {self.config.max_objects} are tracked, '
                'remove some or raise max_objects',
            )
        if frame_index == self._frame_index:
            frame_index = None
        region = self._region
        if frame_index is not None:
            region = self._past.region_of(frame_index, prompts)
        size = region and region.image_size if image_size is None else tuple(image_size)
        for prompt in prompts if size is not None else ():
            check_fit(prompt, size)
            if region is not None:
                check_seen(prompt, size, region)
        for prompt in prompts:
            if prompt.object_id not in self._objects:
                self._objects[prompt.object_id] = self._new_object(prompt)
            waiting = frame_index, WaitingPrompt(deepcopy(prompt), size)
            self._objects[prompt.object_id].waiting.append(waiting)

    def remove_object(self, object_id: str) -> None:
        """Forget an object; its instance value is not given out again soon.

        Raises:
            UnknownObjectError: when there is no such object.
        """
        if object_id not in self._objects:
            raise UnknownObjectError(object_id, tuple(self._objects))
        self.remember()
        self._bank.remove_object(self._objects.pop(object_id).memory)

    @torch.inference_mode()
    def reset(self) -> None:
        """Forget all objects and frames; the next frame has index 0, the next instance is 1."""
        self._unremembered = None
        self._objects.clear()
        self._past.clear()
        self._bank.clear()
        self._frame_index = 0
        self._newest_instance = 0
        self._time = FrameTime()
        self._view.reset()
        self._region = None
        self._newest_image = None

    @torch.inference_mode()
    def warm_up(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Let the engine make ready what any later frame may need; tracks nothing.

        Args:
            progress: called with a sentence for people when a part of it is done.
        """
        use_device(self._network.device)
        size = self._network.image_size
        image = resize_image(np.zeros((size, size, 3), np.uint8), size)
        self._engine.warm_up(image, self._bank, self._motion.on, progress)
        if self._detector is not None:
            self._detector.warm_up(self._encode(image))

    @torch.inference_mode()
    def prepare(self, rgb: np.ndarray) -> PreparedFrame:
        """Do the part of `track` that depends on no object, rgb uint8 [H, W, 3].

        Another thread may prepare the next frame while this one is tracked: the results are the
        same to the bit.

        Raises:
            ValueError: when the image is not of that kind.
        """
        use_device(self._network.device)
        frame = self._resize(rgb)
        self._motion.expect(frame.image)
        features = self._encode(frame.image)
        return replace(frame, features=features, described=self._object_step.describe(features))

    def track(
        self,
        frame: np.ndarray | PreparedFrame,
        stamp_ns: int | None = None,
        *,
        remember: bool = True,
    ) -> FrameResult:
        """Process the next frame.

        Args:
            frame: rgb uint8 [H, W, 3], or what `prepare` made of it; the size may change from
                frame to frame.
            stamp_ns: time of the image [ns], by which the time is counted after which an object
                is LOST; None counts 1/30 s for it. Nothing else depends on it.
            remember: do at once what only later frames depend on. False leaves it to `remember`,
                so that the result can be used first; a frame with prompts does it at once.

        Raises:
            ValueError: when the image is not of that kind.
            PromptError: when a prompt given before the first frame does not fit the image. That
                prompt is dropped, nothing else happened; the frame can be given again.
            whatever the network raises: prompts that were given for this frame are dropped then,
                and the objects are as they were before these.
        """
        frame = frame if isinstance(frame, PreparedFrame) else self._resize(frame)
        with self._all_or_nothing() as certain:
            return self._advance(frame, stamp_ns, remember=remember or not certain).render()

    @torch.inference_mode()
    def remember(self) -> None:
        """Do what `track` left; all that depends on it calls this by itself."""
        if self._unremembered is not None:
            unremembered, self._unremembered = self._unremembered, None
            unremembered()

    @torch.inference_mode()
    def advance(
        self, frame: np.ndarray | PreparedFrame, stamp_ns: int | None = None
    ) -> PendingResult:
        """Do the part of `track` that the next frame depends on; `PendingResult.render` the rest.

        Args and errors are those of `track`.
        """
        frame = frame if isinstance(frame, PreparedFrame) else self._resize(frame)
        with self._all_or_nothing():
            return self._advance(frame, stamp_ns, remember=True)

    @contextlib.contextmanager
    def _all_or_nothing(self) -> Iterator[bool]:
        """Take back what prompts did, and them, when the block fails; tells whether none wait."""
        use_device(self._network.device)
        self.remember()
        checkpoint = None
        if any(tracked.waiting for tracked in self._objects.values()):
            checkpoint = Checkpoint(self._objects.values(), self._bank)
        try:
            yield checkpoint is None
        except Exception as error:
            if checkpoint is not None and not isinstance(error, PromptError):
                self._unremembered = None
                for new in checkpoint.restore():
                    self.remove_object(new.object_id)
            raise

    @torch.inference_mode()
    def _advance(
        self, frame: PreparedFrame, stamp_ns: int | None, *, remember: bool
    ) -> PendingResult:
        region, image = frame.region, frame.image
        self._fit_waiting(region)
        self._past.run(self._objects.values())
        index, objects, decoded = self._frame_index, tuple(self._objects.values()), None
        drawing = Drawing(objects, region, self.config)
        features = found = None
        if objects or self._detector is not None:
            features = frame.features or self._encode(image)
        if self._detector is not None:
            found = self._detector.look(features, region)
        if objects:
            older = self._newest_image
            flow = self._motion.flow(image, older, same_region=region == self._region)
            decoded, self._unremembered = self._object_step.run(
                features, index, objects, flow, described=frame.described, scores_of=drawing.scores
            )
            drawing.start(decoded)
            if remember:
                self.remember()
        self._newest_image = image
        oldest = self._past.keep(PastFrame(index, image, region))
        self._frame_index += 1
        self._region = region
        for tracked in objects:
            tracked.forget_before(oldest)
        poor = tuple(o.quality.poor for o in objects) if self.config.gates_uncertain else None
        elapsed_ns = self._time.step(stamp_ns)
        return PendingResult(index, region, objects, decoded, drawing, elapsed_ns, poor, found)

    @torch.inference_mode()
    def segment(self, rgb: np.ndarray, prompts: Sequence[Prompt]) -> FrameResult:
        """Segment one image by prompts, without any effect on the tracked objects.

        Args:
            rgb: uint8 [H, W, 3].
            prompts: one per object; their instances are 1, 2, … in this order.

        Returns:
            A result with frame_index -1 and tracks that are TENTATIVE.

        Raises:
            ValueError: when the image is not of that kind.
            PromptError: naming the object and what is wrong.
        """
        use_device(self._network.device)
        frame = self._resize(rgb, ViewFinder(self.config.region == AUTO))
        check_request(prompts)
        if len(prompts) > MOST_INSTANCES:
            raise PromptError(
                prompts[-1].object_id, f'{len(prompts)} prompts; at most {MOST_INSTANCES} fit'
            )
        given = [WaitingPrompt(prompt, None) for prompt in prompts]
        inputs = [(waiting_inputs(one, frame.region, self._network),) for one in given]
        if not inputs:
            return FrameResult(-1, np.zeros(frame.size, np.uint8), ())
        decoded = self._step.decode_prompts(self._encode(frame.image), inputs)
        return render_prompted(decoded, prompts, frame.region, self.config)

    def _resize(self, rgb: np.ndarray, view: ViewFinder | None = None) -> PreparedFrame:
        check_image(rgb)
        region = (view or self._view).region(rgb)
        return PreparedFrame(region, resize_image(rgb[region.slices], self._network.image_size))

    def _fit_waiting(self, region: Region) -> None:
        """Scale the prompts that wait; one from before the first frame is dropped if unfit."""
        waiting_for = [tracked for tracked in self._objects.values() if tracked.waiting]
        regions = {None: region, **self._past.regions} if waiting_for else {}
        for tracked in waiting_for:
            try:
                tracked.fit_waiting(
                    lambda frame, given: waiting_inputs(given, regions[frame], self._network)
                )
            except PromptError:
                if tracked.first_frame is None and not tracked.waiting:
                    self.remove_object(tracked.object_id)
                raise

    def _new_object(self, prompt: Prompt) -> TrackedObject:
        taken = {tracked.instance for tracked in self._objects.values()}
        self._newest_instance = free_instance(self._newest_instance, taken)
        return new_object(prompt, self._newest_instance, self._bank.add_object(), self.config)
