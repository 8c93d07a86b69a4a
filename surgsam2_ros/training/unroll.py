# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Differentiable tracking over short clips, with the functions that inference uses."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from surgsam2_ros.network import Decoded, ImageFeatures, MaskHint, MemoryTokens, SurgSAM2
from surgsam2_ros.network.appearance_model import add_to_hint
from surgsam2_ros.network.mask_decoder import take_mask
from surgsam2_ros.network.memory_assembly import MemoryTable, assemble_memory, select_memories
from surgsam2_ros.network.surgsam2 import ABSENT_LOGIT, clamp_previous
from surgsam2_ros.training.clip_looks import ClipLooks, correct
from surgsam2_ros.training.disturbance import UNDISTURBED, Disturbance
from surgsam2_ros.training.hints import (
    UNDISTURBED_HINTS,
    HintRecipe,
    clip_flows,
    draw_hints,
)
from surgsam2_ros.training.prompts import (
    RELEASED_PROMPTS,
    PromptBatch,
    PromptKind,
    PromptRecipe,
    add_corrections,
    corrupt_mask,
)

PRESENT_LOGIT = 10.0  # mask and presence that training dictates, as sure as a prompt


@dataclass(frozen=True, eq=False)
class TrackedClip:
    """What tracking clips gave.

    Attributes:
        decoded: of every frame, in order; the last word on N objects each.
        supervised: frame and decoding of all that the mask decoder predicted, in the order in
            which it did: the last word on each frame unless that was a given mask, and before it
            what was then corrected.
        features: of all frames, B * T in the order of the clips.
    """

    decoded: list[Decoded]
    supervised: list[tuple[int, Decoded]]
    features: ImageFeatures


@dataclass
class _Memory:
    """One remembered frame of N objects."""

    frame: int
    prompted: bool
    features: Tensor  # [N, HW, Dm]
    pointer: Tensor  # [N, D]


@dataclass
class _Clips:
    """The state of clips of equal length while they are tracked."""

    network: SurgSAM2
    features: ImageFeatures  # of B * T frames
    masks: Tensor  # bool [N, T, S, S]
    owner: Tensor | None  # int64 [N], the clip of an object; None for a single clip
    prompts: Mapping[int, PromptBatch]
    corrected: Set[int]
    rng: np.random.Generator
    recipe: PromptRecipe
    disturbance: Disturbance
    hints: HintRecipe
    flows: Tensor | None  # [B, T, 2, S / 4, S / 4]; None for a network that takes no hints
    looks: ClipLooks | None
    uncorrected: dict[int, Tensor] = field(default_factory=dict)  # logits before looks count
    decoded: dict[int, Decoded] = field(default_factory=dict)
    memories: list[_Memory] = field(default_factory=list)
    supervised: list[tuple[int, Decoded]] = field(default_factory=list)

    @property
    def frames(self) -> int:
        return self.masks.shape[1]

    def view(self, frame: int) -> ImageFeatures:
        """Features of a frame, batch 1 for a single clip and N for several."""
        levels = (level.unflatten(0, (-1, self.frames))[:, frame] for level in self.features)
        if self.owner is None:
            return ImageFeatures(*levels)
        return ImageFeatures(*(level[self.owner] for level in levels))

    def hint(self, frame: int) -> MaskHint | None:
        """Return the moved masks for a tracked frame, to a network that takes hints."""
        if self.flows is None:
            return None
        flow = self.flows[:, frame]
        before = self.decoded[frame - 1]
        return draw_hints(
            before.mask_logits,
            before.presence_logits > 0,
            self.masks[:, frame - 1],
            flow if self.owner is None else flow[self.owner],
            self.rng,
            self.hints,
        )

    def remembers_as_prompted(self, frame: int) -> bool:
        """Whether a frame conditions all others."""
        if frame in self.prompts:
            return True
        return self.recipe.corrections_condition and frame in self.corrected


def track_clips(
    network: SurgSAM2,
    images: Tensor,
    masks: Tensor,
    owner: Tensor,
    prompts: Mapping[int, PromptBatch],
    rng: np.random.Generator,
    *,
    corrected: Set[int] = frozenset(),
    recipe: PromptRecipe = RELEASED_PROMPTS,
    disturbance: Disturbance = UNDISTURBED,
    hints: HintRecipe = UNDISTURBED_HINTS,
    appearance_model: bool = False,
) -> TrackedClip:
    """Prompt the objects of clips and track them through all frames.

    The prompted frames come first, in the order given, each without a look at the others. Then
    the rest is tracked in the order of time.

    Args:
        images: float32 [B, T, 3, S, S], normalised.
        masks: bool [N, T, S, S], the truth: mask prompts, and what corrections and disturbances
            look at.
        owner: int64 [N], the clip of each object.
        prompts: by frame, of all N objects; the first frame has one.
        rng: what is drawn on the way.
        corrected: frames that get correction clicks.
        recipe: how corrections are made.
        disturbance: of the memory.
        hints: how the hints of a network that takes them are disturbed.
        appearance_model: learn what the objects look like and correct by it, as the tracker does;
            for a network whose configuration has it.

    Raises:
        ValueError: when the first frame has no prompt, or a frame with mask prompts is to be
            corrected.
    """
    if 0 not in prompts:
        raise ValueError(f'prompts on frames {sorted(prompts)}; the first frame, 0, needs one')
    for frame in corrected:
        if frame in prompts and prompts[frame].kind is PromptKind.MASK:
            raise ValueError(f'frame {frame} is prompted with masks; clicks cannot correct those')
    features = network.encode_image(images.flatten(0, 1))

    def view_clip(clip: int, frame: int) -> ImageFeatures:
        place = clip * images.shape[1] + frame
        return ImageFeatures(*(level[place : place + 1] for level in features))

    clips = _Clips(
        network,
        features,
        masks.bool(),
        owner if len(images) > 1 else None,
        prompts,
        corrected,
        rng,
        recipe,
        disturbance,
        hints,
        clip_flows(images) if network.config.motion_hint and images.shape[1] > 1 else None,
        ClipLooks(network, view_clip, owner) if appearance_model else None,
    )
    order = [*prompts, *(frame for frame in range(clips.frames) if frame not in prompts)]
    for frame in order:
        view = clips.view(frame)
        clips.decoded[frame] = _decode(clips, frame, view)
        if clips.looks is not None:
            prompted = prompts.get(frame)
            clips.looks.learn(
                frame,
                clips.decoded[frame],
                prompted=prompted is not None or frame in corrected,
                masks_given=prompted is not None and prompted.kind is PromptKind.MASK,
            )
        if frame != order[-1]:
            _remember(clips, frame, view, clips.decoded[frame])
    return TrackedClip(
        [clips.decoded[frame] for frame in range(clips.frames)], clips.supervised, clips.features
    )


def track_clip(
    network: SurgSAM2,
    images: Tensor,
    masks: Tensor,
    prompts: PromptBatch,
    rng: np.random.Generator,
    disturbance: Disturbance = UNDISTURBED,
    *,
    appearance_model: bool = False,
) -> TrackedClip:
    """Prompt the objects of one clip on its first frame and track them to its end.

    Args:
        images: float32 [T, 3, S, S], normalised.
        masks: bool (or 0 and 1) [N, T, S, S]; the first frame's are the mask prompts.
        prompts: of the first frame.
    """
    owner = torch.zeros(len(masks), dtype=torch.int64, device=masks.device)
    return track_clips(
        network,
        images[None],
        masks,
        owner,
        {0: prompts},
        rng,
        disturbance=disturbance,
        appearance_model=appearance_model,
    )


def _decode(clips: _Clips, frame: int, view: ImageFeatures) -> Decoded:
    """Segment a frame from its prompt, or from the memory; correct it where that is planned."""
    network, prompts = clips.network, clips.prompts.get(frame)
    if prompts is not None and prompts.kind is PromptKind.MASK:
        return _take_mask_prompts(clips, frame, view)
    if prompts is None:
        conditioned, decoded = _track(clips, frame, view)
    else:
        conditioned = network.condition(view.stride16, None)
        conditioned = conditioned.expand(len(clips.masks), -1, -1, -1)
        decoded = _decode_points(network, conditioned, view, prompts, None)
    clips.supervised.append((frame, decoded))
    if frame not in clips.corrected:
        return decoded
    truth = clips.masks[:, frame]
    for click in range(clips.recipe.correction_clicks):
        previous = decoded.mask_logits
        if click == 0 and clips.recipe.damaged > 0:
            previous = _damaged(previous, clips.rng, clips.recipe.damaged)
        guess = F.interpolate(
            previous.detach(), truth.shape[-2:], mode='bilinear', align_corners=False
        )
        prompts = add_corrections(prompts, guess[:, 0] > 0, truth, clips.rng, clips.recipe)
        if clips.recipe.detach_corrections or not network.training:
            previous = clamp_previous(previous.detach())
        decoded = _decode_points(network, conditioned, view, prompts, previous)
        clips.supervised.append((frame, decoded))
    return decoded


def _track(clips: _Clips, frame: int, view: ImageFeatures) -> tuple[Tensor, Decoded]:
    """Segment a frame from the memory alone; returns the conditioned features as well."""
    memory, hint = _memory_tokens(clips, frame), clips.hint(frame)
    if clips.looks is None:
        return clips.network.track(view, memory, hint)
    evidence, moved = clips.looks.evidence(frame), None
    if hint is not None:
        moved = hint.mask_logits
        hint = hint._replace(mask_logits=clamp_previous(add_to_hint(moved, evidence)))
    conditioned, decoded = clips.network.track(view, memory, hint)
    clips.uncorrected[frame] = decoded.mask_logits
    return conditioned, correct(decoded, evidence, moved)


def _take_mask_prompts(clips: _Clips, frame: int, view: ImageFeatures) -> Decoded:
    """Take the true masks of a frame as its output."""
    network, mask = clips.network, clips.masks[:, frame, None].float()  # [N, 1, S, S]
    if clips.recipe.read_masks and network.training:
        # Of a given mask the decoder makes only the pointer; asked for the mask too, it learns
        # to read one.
        read = network.decode(
            view.stride16.expand(len(mask), -1, -1, -1),
            view,
            mask_logits=network.mask_downsample(mask),
            multimask=False,
        )
        clips.supervised.append((frame, read))
    return network.mask_as_output(view, mask)


def _decode_points(
    network: SurgSAM2,
    conditioned: Tensor,
    view: ImageFeatures,
    prompts: PromptBatch,
    previous: Tensor | None,
) -> Decoded:
    """Decode boxes or clicks with as many proposals as at inference."""
    return network.decode(
        conditioned,
        view,
        points=prompts.points,
        labels=prompts.labels,
        mask_logits=previous,
        multimask=network.uses_multimask(prompts.points.shape[1]),
    )


def _remember(clips: _Clips, frame: int, view: ImageFeatures, decoded: Decoded) -> None:
    """Encode the mask of a frame, possibly disturbed, into the memory of the clips."""
    truth = clips.masks[:, frame, None]  # [N, 1, S, S]
    prompts = clips.prompts.get(frame)
    given = prompts is not None or frame in clips.corrected
    presence = decoded.presence_logits
    if prompts is not None and prompts.kind is PromptKind.MASK:
        logits = torch.where(truth, PRESENT_LOGIT, -PRESENT_LOGIT)
    else:
        # The tracker remembers a frame without prompts as the network made it.
        logits = decoded.mask_logits if given else clips.uncorrected.get(frame, decoded.mask_logits)
    if not given and clips.rng.random() < clips.disturbance.dictate_presence:
        present = truth.flatten(1).any(dim=1)
        logits = take_mask(decoded.candidates.mask_logits, decoded.candidates.iou.argmax(dim=1))
        logits = torch.where(present.view(-1, 1, 1, 1), logits, ABSENT_LOGIT)
        presence = torch.where(present, PRESENT_LOGIT, -PRESENT_LOGIT)
    logits = clips.network.masks_to_remember(logits)
    if not given and clips.disturbance.corrupt_mask > 0:
        logits = _damaged(logits, clips.rng, clips.disturbance.corrupt_mask)
    features = clips.network.encode_memory(
        view.stride16,
        logits,
        presence,
        from_prompt=given and not (prompts is not None and prompts.kind is PromptKind.MASK),
    )
    tokens = features.flatten(2).transpose(1, 2)
    clips.memories.append(
        _Memory(frame, clips.remembers_as_prompted(frame), tokens, decoded.pointer)
    )


def _damaged(logits: Tensor, rng: np.random.Generator, share: float) -> Tensor:
    """Damage a share of the masks [N, 1, h, w]."""
    replaced = []
    for mask in logits:
        if rng.random() < share:
            damaged = corrupt_mask((mask[0] > 0).cpu().numpy(), rng)
            damaged = torch.as_tensor(damaged, device=mask.device)[None]
            mask = torch.where(damaged, PRESENT_LOGIT, -PRESENT_LOGIT).to(mask.dtype)
        replaced.append(mask)
    return torch.stack(replaced)


def _memory_tokens(clips: _Clips, frame: int) -> MemoryTokens:
    """Collect what a frame attends to: prompted frames, the newest others, object pointers."""
    network, config = clips.network, clips.network.config
    prompted = {memory.frame: memory for memory in clips.memories if memory.prompted}
    others = {memory.frame: memory for memory in clips.memories if not memory.prompted}
    most = config.max_object_pointers
    if clips.disturbance.clip_time:
        most = min(most, clips.frames)
    chosen = select_memories(
        frame,
        prompted,
        others,
        others,
        num_maskmem=config.num_maskmem,
        max_pointers=most,
        prompted_encoding=config.num_maskmem - 1,
        # A prompt that lies ahead is known to the trained network alone (as in the official code).
        pointers_ahead=network.training,
    )
    newest = chosen.memory_frames[chosen.prompted :]
    kept = chosen.memory_frames[: chosen.prompted] + [
        one
        for one in newest
        if one is newest[-1] or clips.rng.random() >= clips.disturbance.forget_frame
    ]
    pointers = torch.stack([one.memory.pointer for one in chosen.pointers], dim=1)  # [N, P, D]

    def of_all_objects(values: list[int]) -> Tensor:
        row = torch.tensor(values).to(pointers.device, non_blocking=True)
        return row.expand(len(pointers), -1)

    table = MemoryTable(
        encoding=of_all_objects([one.encoding for one in kept]),
        candidate=None,
        age=of_all_objects([one.age for one in chosen.pointers]),
        counts=None,
    )
    features = torch.stack([one.memory.features for one in kept], dim=1)  # [N, E, L, Dm]
    return assemble_memory(
        network, features, pointers, table, survivors=len(kept), max_time=most - 1
    )
