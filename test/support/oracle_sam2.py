# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The official SAM 2 video predictor as an oracle: same weights, same clip, same prompts.

A run is driven frame by frame, as a stream is, and recorded per object and frame.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from surgsam2_ros.benchmarks.gpu_check.weights import heat
from surgsam2_ros.network import ImageFeatures, NetworkConfig, SurgSAM2, TrunkConfig
from surgsam2_ros.tracking import Prompt, StreamingTracker, TrackerConfig
from surgsam2_ros.tracking.preprocess import normalise_image, resize_image

TINY = NetworkConfig(
    name='sam2.1_hiera_t',
    image_size=256,
    trunk=TrunkConfig(stages=(1, 2, 7, 2), global_blocks=(5, 7, 9)),
)
ALWAYS_PRESENT = 200.0
MEMORY_ROUNDING = 2.0**-7  # two of bfloat16's steps below the largest value
_encoded: dict[int, dict[bytes, ImageFeatures]] = {}


@dataclass(frozen=True)
class Event:
    """A prompt for one object at one frame; `points`, `box`, `mask` as in Prompt."""

    frame: int
    object_id: str
    prompt: dict[str, Any]


@dataclass
class Trace:
    """What a run said: (object_id, frame) -> tensor.

    Attributes:
        logits: [S/4, S/4] mask logits.
        pointer: [D] object pointer as stored.
        memory: bfloat16 [L, Dm] spatial memory as stored.
        presence: presence logit; official runs only.
        image_logits: [H, W] mask logits at image size; official runs only.
        masks: bool [H, W]; our runs only.
    """

    logits: dict = field(default_factory=dict)
    pointer: dict = field(default_factory=dict)
    memory: dict = field(default_factory=dict)
    presence: dict = field(default_factory=dict)
    image_logits: dict = field(default_factory=dict)
    masks: dict = field(default_factory=dict)


def make_clip(frames: int, size: int, *, blank: Sequence[int] = (), seed: int = 0) -> np.ndarray:
    """Draw bright bars that move over a textured ground, uint8 [frames, size, size, 3]."""
    rng = np.random.default_rng(seed)
    ground = cv2.GaussianBlur(rng.integers(0, 256, (size, size, 3), dtype=np.uint8), (0, 0), 5)
    clip = np.repeat(ground[None] // 2 + 40, frames, axis=0)
    for index, image in enumerate(clip):
        if index in blank:
            image[:] = 250
            continue
        turn = 0.1 * index
        for shaft, colour in enumerate([(200, 210, 220), (120, 60, 30), (60, 200, 90)]):
            x = int(size * (0.3 + 0.2 * shaft + 0.1 * np.sin(turn + shaft)))
            y = int(size * (0.6 - 0.15 * shaft + 0.1 * np.cos(turn)))
            end = (int(x + 0.3 * size * np.cos(turn)), int(y + 0.3 * size * np.sin(turn)))
            cv2.line(image, (x, y), end, colour, max(size // 16, 2))
    return clip


def mask_prompt(size: int) -> np.ndarray:
    """Draw a bar-shaped mask, bool [size, size]."""
    mask = np.zeros((size, size), np.uint8)
    cv2.line(mask, (size // 4, size // 2), (size // 2, size // 3), 1, size // 12)
    return mask.astype(bool)


def build_pair(
    *,
    hot: bool,
    image_size: int = 256,
    presence_bias: float = ALWAYS_PRESENT,
    seed: int = 0,
    kind: str = 'sam2.1',
    postprocessing: bool = True,
) -> tuple[Any, SurgSAM2]:
    """Return the official predictor and our network with one random state dict, in eval mode.

    Args:
        hot: give the weights sizes at which a mistake shows, see `heat`.
        image_size: side of the input.
        presence_bias: added to the logit that says whether an object is there.
        seed: of the weights.
        kind: 'sam2' or 'sam2.1', whose configurations both have.
        postprocessing: False as SurgSAM2's authors evaluate on EndoVis: an unstable mask is not
            replaced, and prompted masks are remembered as they are.
    """
    from sam2.build_sam import build_sam2_video_predictor

    torch.manual_seed(seed)
    official = build_sam2_video_predictor(
        f'configs/{kind}/{kind}_hiera_t.yaml',
        None,
        device='cpu',
        hydra_overrides_extra=[f'++model.image_size={image_size}'],
        apply_postprocessing=postprocessing,
    )
    if hot:
        heat(official)
    with torch.no_grad():
        official.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(presence_bias)
    config = dataclasses.replace(
        TINY,
        name=f'{kind}_hiera_t',
        kind=kind,
        image_size=image_size,
        dynamic_multimask=postprocessing,
        binarise_prompted_masks=postprocessing,
    )
    ours = SurgSAM2(config).eval()
    ours.load_state_dict(official.state_dict(), strict=True)
    return official, ours


class Oracle:
    """The official predictor on one clip; image features are computed once for all runs."""

    def __init__(self, predictor: Any, clip: np.ndarray) -> None:
        """Take the clip, uint8 [T, H, W, 3] with T >= 16 (pointer times are divided by T below)."""
        self.predictor = predictor
        self.clip = clip
        size = predictor.image_size
        cpu = torch.device('cpu')
        self.images = torch.cat([normalise_image(resize_image(rgb, size), cpu) for rgb in clip])
        self._features: dict = {}

    def run(self, events: Sequence[Event], frames: int | None = None) -> Trace:
        """Track frame by frame; events of new objects come before the frame, others after it."""
        predictor, trace = self.predictor, Trace()
        loaded = (self.images, *self.clip.shape[1:3])
        module = 'sam2.sam2_video_predictor'
        with (
            mock.patch(f'{module}.load_video_frames', lambda **_: loaded),
            mock.patch(f'{module}.tqdm', lambda frames, **_: frames),
            mock.patch(f'{module}.fill_holes_in_mask_scores', lambda mask, _: mask),
            torch.inference_mode(),
        ):
            state = predictor.init_state('')
            for frame in range(len(self.clip) if frames is None else frames):
                if frame in self._features:  # a correction of the frame before may need its own
                    near = {max(frame - 1, 0), frame}
                    state['cached_features'] = {known: self._features[known] for known in near}
                now = [event for event in events if event.frame == frame]
                known = set(state['obj_ids'])
                for event in now:
                    if event.object_id not in known:
                        self._prompt(state, event)
                for _, object_ids, logits in predictor.propagate_in_video(state, frame, 0):
                    for object_id, image_logits in zip(object_ids, logits, strict=True):
                        trace.image_logits[object_id, frame] = image_logits[0]
                for event in now:
                    if event.object_id in known:
                        self._prompt(state, event)
                self._features[frame] = state['cached_features'][frame]
                self._record(state, frame, trace)
            predictor.propagate_in_video_preflight(state)
            self._record_memories(state, trace)
        return trace

    def _prompt(self, state: dict, event: Event) -> None:
        arguments = dict(event.prompt)
        if 'mask' in arguments:
            self.predictor.add_new_mask(state, event.frame, event.object_id, arguments['mask'])
        else:
            self.predictor.add_new_points_or_box(state, event.frame, event.object_id, **arguments)

    def _record(self, state: dict, frame: int, trace: Trace) -> None:
        for object_id, index in state['obj_id_to_idx'].items():
            for outputs in (
                state['temp_output_dict_per_obj'][index],
                state['output_dict_per_obj'][index],
            ):
                out = outputs['cond_frame_outputs'].get(frame) or outputs[
                    'non_cond_frame_outputs'
                ].get(frame)
                if out is not None:
                    break
            trace.logits[object_id, frame] = out['pred_masks'][0, 0]
            trace.pointer[object_id, frame] = out['obj_ptr'][0]
            trace.presence[object_id, frame] = out['object_score_logits'].item()

    def _record_memories(self, state: dict, trace: Trace) -> None:
        for object_id, index in state['obj_id_to_idx'].items():
            outputs = state['output_dict_per_obj'][index]
            for kind in ('non_cond_frame_outputs', 'cond_frame_outputs'):
                for frame, out in outputs[kind].items():
                    features = out['maskmem_features'][0]
                    trace.memory[object_id, frame] = features.flatten(1).T  # [L, Dm]


@torch.inference_mode()
def run_ours(
    network: SurgSAM2,
    clip: np.ndarray,
    events: Sequence[Event],
    *,
    config: TrackerConfig | None = None,
    teacher: Trace | None = None,
    frames: int | None = None,
    ago: int = 0,
) -> Trace:
    """Track the clip with the streaming tracker.

    Args:
        network: with the oracle's weights.
        clip: uint8 [T, H, W, 3].
        events: as given to the oracle.
        config: parity when None.
        teacher: memories and pointers of another run that replace ours after every frame, so that
            each frame is judged by itself.
        frames: stop after so many.
        ago: how many frames back the prompts of known objects belong.
    """
    tracker, trace = StreamingTracker(network, config), Trace()
    for frame, rgb in enumerate(clip[:frames]):
        for event in events:
            if event.frame == frame:
                known = {info.object_id for info in tracker.objects}
                back = ago if event.object_id in known else 0
                prompt = Prompt(event.object_id, **event.prompt)
                tracker.add_objects([prompt], frame_index=frame - back)
        for track in tracker.track(rgb).tracks:
            key = track.object_id, frame
            trace.logits[key], trace.masks[key] = track.logits, track.mask
            memory, pointer = stored(tracker, track.object_id, frame)
            trace.memory[key], trace.pointer[key] = memory.clone(), pointer.clone()
            if teacher is not None:
                memory.copy_(teacher.memory[key])
                pointer.copy_(teacher.pointer[key])
    return trace


@contextlib.contextmanager
def shared_features(network: SurgSAM2) -> Iterator[None]:
    """Encode each image at most once for all runs of this network."""
    known = _encoded.setdefault(id(network), {})

    def encode_image(images: torch.Tensor) -> ImageFeatures:
        key = images.numpy().tobytes()
        if key not in known:
            known[key] = encode(images)
        return known[key]

    encode = network.encode_image
    network.encode_image = encode_image
    try:
        yield
    finally:
        del network.encode_image


def only(trace: Trace, object_id: str) -> Trace:
    """Return the part of a trace that concerns one object."""

    def part(values: dict) -> dict:
        return {key: value for key, value in values.items() if key[0] == object_id}

    return Trace(part(trace.logits), part(trace.pointer), part(trace.memory))


def stored(
    tracker: StreamingTracker, object_id: str, frame: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the memory [L, Dm] and the pointer [D] that lie in the bank, as views."""
    bank, memory = tracker._bank, tracker._objects[object_id].memory
    place = pointer_place = memory.prompted.get(frame)
    if place is None:
        place, pointer_place = memory.recent.places[frame], memory.pointers.places[frame]
    return bank.features[memory.slot, place], bank.pointers[memory.slot, pointer_place]


@dataclass(frozen=True)
class Difference:
    """How far two traces lie apart, over all objects and frames.

    Attributes:
        logits: largest difference of mask logits.
        pointer: largest difference of object pointers.
        memory: largest difference of a stored memory value, as a share of the largest value.
        unequal_memory: share of the stored memory values that are not equal to the bit.
    """

    logits: float
    pointer: float
    memory: float
    unequal_memory: float

    def within(self, limit: float) -> bool:
        """Whether memory differs by bfloat16's rounding at most, all else by the limit."""
        return (
            self.logits <= limit
            and self.pointer <= limit
            and self.memory <= MEMORY_ROUNDING
            and self.unequal_memory < 0.02
        )


def compare(ours: Trace, official: Trace) -> Difference:
    """Compare all that ours recorded; the official trace must have it too."""
    unequal = [
        (ours.memory[key].float() != official.memory[key].float()).float().mean().item()
        for key in ours.memory
    ]
    return Difference(
        logits=max(_distance(ours.logits[key], official.logits[key]) for key in ours.logits),
        pointer=max(_distance(ours.pointer[key], official.pointer[key]) for key in ours.pointer),
        memory=max(
            _distance(ours.memory[key].float(), official.memory[key].float())
            / official.memory[key].abs().max().item()
            for key in ours.memory
        ),
        unequal_memory=max(unequal),
    )


def nearest_to_outline(trace: Trace, event: Event, size: int) -> float:
    """Return the smallest absolute mask logit of the frame an event prompts, at size x size."""
    logits = trace.logits[event.object_id, event.frame][None, None].float()
    logits = F.interpolate(logits, size=(size, size), mode='bilinear')
    return logits.abs().min().item()


def _distance(ours: torch.Tensor, official: torch.Tensor) -> float:
    """Largest difference; infinite where one of them is no number, which no comparison refuses."""
    return (ours - official).abs().nan_to_num(nan=torch.inf).max().item()
