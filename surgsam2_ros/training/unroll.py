# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Differentiable tracking over short clips, with the functions that inference uses."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from surgsam2_ros.network import Decoded, ImageFeatures, MemoryTokens, SurgSAM2
from surgsam2_ros.network.surgsam2 import ABSENT_LOGIT
from surgsam2_ros.training.prompts import (
    PromptBatch,
    PromptKind,
    add_corrections,
    corrupt_mask,
)

PRESENT_LOGIT = 10.0  # presence that training dictates, as sure as a prompt


@dataclass(frozen=True)
class Disturbance:
    """What training does to the memory of a clip so that the network learns to recover.

    Attributes:
        corrupt_mask: probability that an object's mask is damaged before it is remembered.
        forget_frame: probability that a frame between the prompt and the last one is not attended
            to, as happens when memory is pruned.
        dictate_presence: probability that the true presence decides what is remembered.
        correct_prompt: probability of one correction click after a box or point prompt.
    """

    corrupt_mask: float = 0.0
    forget_frame: float = 0.0
    dictate_presence: float = 0.0
    correct_prompt: float = 0.0


@dataclass(frozen=True, eq=False)
class TrackedClip:
    """What tracking a clip gave.

    Attributes:
        decoded: of every frame, in order; N objects each.
        earlier: decodings of the first frame before its correction, or the decoder's reading of a
            mask prompt.
        features: of all frames, B = T.
    """

    decoded: list[Decoded]
    earlier: list[Decoded]
    features: ImageFeatures


@dataclass
class _Memory:
    """One remembered frame of N objects."""

    frame: int
    features: Tensor  # [N, HW, Dm]
    pointer: Tensor  # [N, D]


@dataclass
class _Clip:
    """The state of one clip while it is tracked."""

    network: SurgSAM2
    masks: Tensor  # float [N, T, S, S]
    disturbance: Disturbance
    rng: np.random.Generator
    memories: list[_Memory] = field(default_factory=list)


def track_clip(
    network: SurgSAM2,
    images: Tensor,
    masks: Tensor,
    prompts: PromptBatch,
    rng: np.random.Generator,
    disturbance: Disturbance = Disturbance(),
) -> TrackedClip:
    """Prompt the objects of a clip on its first frame and track them to its end.

    Args:
        images: float32 [T, 3, S, S], normalised.
        masks: float32 [N, T, S, S] of 0 and 1; the first frame's are the mask prompts, the later
            ones serve the disturbances.
        prompts: of the first frame.
    """
    features = network.encode_image(images)
    clip = _Clip(network, masks, disturbance, rng)
    decoded, earlier = [], []
    for frame in range(len(images)):
        view = ImageFeatures(*(level[frame : frame + 1] for level in features))
        if frame == 0:
            tries = _decode_prompted(clip, view, prompts)
            decoded.append(tries[-1])
            earlier = tries[:-1]
        else:
            conditioned = network.condition(view.stride16, _memory_tokens(clip, frame))
            decoded.append(network.decode(conditioned, view, multimask=network.uses_multimask(0)))
        if frame + 1 < len(images):
            _remember(clip, frame, view, decoded[-1], prompts.kind)
    return TrackedClip(decoded, earlier, features)


def prompt_images(
    network: SurgSAM2,
    images: Tensor,
    masks: Tensor,
    image_of_object: Tensor,
    prompts: PromptBatch,
    rng: np.random.Generator,
    disturbance: Disturbance = Disturbance(),
) -> TrackedClip:
    """Segment prompted objects of several unrelated images in one batch.

    Args:
        images: float32 [B, 3, S, S].
        masks: float32 [N, 1, S, S].
        image_of_object: int64 [N], which image shows which object.
        prompts: boxes or points.

    Returns:
        a clip of one frame; `features` holds the B images.
    """
    features = network.encode_image(images)
    view = ImageFeatures(*(level[image_of_object] for level in features))
    tries = _decode_prompted(_Clip(network, masks, disturbance, rng), view, prompts)
    return TrackedClip(tries[-1:], tries[:-1], features)


def _decode_prompted(clip: _Clip, view: ImageFeatures, prompts: PromptBatch) -> list[Decoded]:
    """Decode the prompted frame, a second time where a click corrects it."""
    network = clip.network
    conditioned = network.condition(view.stride16, None)
    if prompts.kind is PromptKind.MASK:
        mask = clip.masks[:, :1]
        output = network.mask_as_output(view, mask)
        if not network.training:
            return [output]
        # Of a given mask the decoder makes only the pointer; asked for the mask too, it learns
        # to read one.
        read = network.decode(
            view.stride16.expand(len(mask), -1, -1, -1),
            view,
            mask_logits=network.mask_downsample(mask),
            multimask=False,
        )
        return [read, output]
    conditioned = conditioned.expand(len(clip.masks), -1, -1, -1)
    tries = [_decode_points(network, conditioned, view, prompts, None)]
    if clip.rng.random() < clip.disturbance.correct_prompt:
        logits = tries[0].mask_logits.detach()
        guess = F.interpolate(logits, clip.masks.shape[-2:], mode='bilinear', align_corners=False)
        guess, truth = (guess[:, 0] > 0).numpy(), (clip.masks[:, 0] > 0.5).numpy()
        corrected = add_corrections(prompts, guess, truth, clip.rng)
        previous = logits.clamp(-32.0, 32.0)
        tries.append(_decode_points(network, conditioned, view, corrected, previous))
    return tries


def _decode_points(
    network: SurgSAM2,
    conditioned: Tensor,
    view: ImageFeatures,
    prompts: PromptBatch,
    previous: Tensor | None,
) -> Decoded:
    """Decode boxes or points, with as many proposals as at inference."""
    return network.decode(
        conditioned,
        view,
        points=torch.from_numpy(prompts.points),
        labels=torch.from_numpy(prompts.labels),
        mask_logits=previous,
        multimask=network.uses_multimask(prompts.points.shape[1]),
    )


def _remember(
    clip: _Clip, frame: int, view: ImageFeatures, decoded: Decoded, kind: PromptKind
) -> None:
    """Encode the mask of a frame, possibly disturbed, into the memory of the clip."""
    truth = clip.masks[:, frame : frame + 1]  # [N, 1, S, S]
    prompted = frame == 0
    presence = decoded.presence_logits
    if prompted and kind is PromptKind.MASK:
        logits = truth * (2.0 * PRESENT_LOGIT) - PRESENT_LOGIT
    else:
        logits = decoded.high_res_logits
    if not prompted and clip.rng.random() < clip.disturbance.dictate_presence:
        present = truth.flatten(1).any(dim=1)
        chosen = decoded.all_iou.argmax(dim=1).view(-1, 1, 1, 1)
        chosen = chosen.expand(-1, 1, *decoded.all_mask_logits.shape[-2:])
        logits = decoded.all_mask_logits.gather(1, chosen)
        logits = F.interpolate(logits, truth.shape[-2:], mode='bilinear', align_corners=False)
        logits = torch.where(present.view(-1, 1, 1, 1), logits, ABSENT_LOGIT)
        presence = torch.where(present, PRESENT_LOGIT, -PRESENT_LOGIT)
    if not prompted and clip.disturbance.corrupt_mask > 0:
        logits = _corrupt(clip, logits)
    features = clip.network.encode_memory(
        view.stride16,
        logits,
        presence,
        from_prompt=prompted and kind is not PromptKind.MASK,
    )
    clip.memories.append(_Memory(frame, features.flatten(2).transpose(1, 2), decoded.pointer))


def _corrupt(clip: _Clip, logits: Tensor) -> Tensor:
    """Damage some of the masks [N, 1, S, S] that are about to be remembered."""
    replaced = []
    for mask in logits:
        if clip.rng.random() < clip.disturbance.corrupt_mask:
            damaged = corrupt_mask((mask[0] > 0).numpy(), clip.rng)
            mask = torch.from_numpy(np.where(damaged, PRESENT_LOGIT, -PRESENT_LOGIT)[None])
        replaced.append(mask.to(logits.dtype))
    return torch.stack(replaced)


def _memory_tokens(clip: _Clip, frame: int) -> MemoryTokens:
    """Collect what a frame attends to: the prompt, the newest frames, the object pointers."""
    network, config = clip.network, clip.network.config
    prompted, others = clip.memories[0], clip.memories[1:]
    newest = [memory for memory in others if frame - memory.frame < config.num_maskmem]
    kept = [
        memory
        for memory in newest
        if memory is newest[-1] or clip.rng.random() >= clip.disturbance.forget_frame
    ]
    spatial = [prompted, *kept]
    # The prompt has the last temporal encoding at any age, the frame k steps ago has number k - 1.
    ages = [config.num_maskmem, *(frame - memory.frame for memory in kept)]
    position = network.memory_position()  # [HW, Dm]
    temporal = network.maskmem_tpos_enc.flatten(1)  # [num_maskmem, Dm]
    placed = torch.cat([position + temporal[age - 1] for age in ages])  # [L, Dm]
    remembered = torch.cat([memory.features for memory in spatial], dim=1)

    recent = [m for m in others if frame - m.frame < config.max_object_pointers]
    pointers = torch.stack([m.pointer for m in (prompted, *recent)], dim=1)  # [N, P, D]
    distance = torch.tensor([float(frame - m.frame) for m in (prompted, *recent)])
    tokens, token_position = network.pointer_tokens(
        pointers, distance.expand(len(pointers), -1), config.max_object_pointers - 1
    )
    features = torch.cat([remembered, tokens], dim=1)
    position = torch.cat(
        [placed.expand(len(features), -1, -1), token_position.expand_as(tokens)], dim=1
    )
    return MemoryTokens(features, position, tokens.shape[1])
