# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Settings of the streaming tracker; the defaults give the official predictor's results."""

from __future__ import annotations

import math
from dataclasses import dataclass

MOST_INSTANCES = 254
"""Instance values of the label image are 1 to 254; 0 is background, 255 stays free for users."""

WHOLE, AUTO = 'full', 'auto'
REGIONS = (AUTO, WHOLE)
"""What of an image the network sees: the lit view of an endoscope, or all of it."""


@dataclass(frozen=True)
class TrackerConfig:
    """How many memories are kept and read, and when an object counts as lost.

    Attributes:
        num_maskmem: memories an object attends to, prompted frame included (1 to the number the
            network was trained with). None takes the network's own. Parity: None.
        num_frame_to_prune: memories that efficient frame pruning removes in the steady state
            (SurgSAM2, arXiv 2408.07931; 0 switches pruning off). None takes the network's own,
            which is 2 for SurgSAM2 and 0 for SAM 2. Parity: None.
        memory_tokens: tokens of each memory that are attended to, those around the object and a
            sparse rest; the published code attends to all (S / 16)^2. Parity: None, which is all.
        protect_prompted_frames: never prune a prompted frame. The released SurgSAM2 code protects
            the first prompted frame and the newest memory only. Parity: False.
        max_prompted_frames: prompted frames kept per object; beyond it the first and the newest
            stay. The official code keeps all. Parity: any value that the stream does not reach.
        write_memory_when_absent: store the memory of frames where the object is predicted absent.
            With False the memories read are the newest ones stored, however old, numbered by
            rank. Object pointers are stored for every frame. Parity: True.
        min_memory_score: predicted IoU (0 to 1) below which a tracked frame's memory is not
            stored, with the same consequence. Parity: 0.0.
        write_memory_when_uncertain: store the memory of frames where the object is visible with
            a poor mask, by `min_quality`. With False the same consequence. Parity: True.
        corrections_condition: a corrected frame becomes a prompted frame (the official
            `add_all_frames_to_correct_as_cond`) instead of an ordinary memory. Parity: False.
        motion_hint: give a network that was trained for it the mask of the frame before, moved by
            optical flow, as a hint. Others, the official ones among them, get none.
        appearance_model: with a network whose configuration has it, learn what each object looks
            like (`tracking.appearance_model`). Others, the official ones among them, do without.
        region: 'full' shows the network whole images, 'auto' the lit view where its surroundings
            are black (see `tracking.view`): more pixels for what can be seen. Parity: 'full'.
        max_objects: objects tracked at once, 1 to 254. The official code has no limit.
        mask_threshold: mask logit above which a pixel belongs to the object. Parity: 0.0.
        presence_threshold: presence (0.5 to 1) above which an object counts as seen; at or below
            it its mask is empty and it is OCCLUDED or LOST. The memory does not depend on it.
            Parity: 0.5, the network's own decision.
        tentative_frames: frames in which an object must have been seen before it is TRACKED.
            Only the reported state depends on it.
        lost_after_s: time without sight after which OCCLUDED becomes LOST, 0.01 s or more. It is
            counted in images (see `states.FrameTime`). Only the reported state depends on it.
        min_quality: mean predicted IoU (0 to 1) of the newest frames below which an object that
            is seen is UNCERTAIN instead of TRACKED (0: never); what suits a network must be
            measured. Only the reported state depends on it and, without
            `write_memory_when_uncertain`, the memory. Parity: any.
        quality_frames: frames with the object visible that this mean is taken over.
        max_overlap: share of a mask (0 to 1) that another object's mask may cover; beyond it the
            object is UNCERTAIN (1: never). Only the reported state depends on it. Parity: any.
        replay_frames: newest frames kept so that a prompt may name one of them (0: none). Costs
            3 * S * S bytes a frame, and one more memory per object and frame. Results do not
            depend on it until such a prompt comes.
    """

    num_maskmem: int | None = None
    num_frame_to_prune: int | None = None
    memory_tokens: int | None = None
    protect_prompted_frames: bool = False
    max_prompted_frames: int = 8
    write_memory_when_absent: bool = True
    min_memory_score: float = 0.0
    write_memory_when_uncertain: bool = True
    corrections_condition: bool = False
    motion_hint: bool = True
    appearance_model: bool = True
    region: str = WHOLE
    max_objects: int = 10
    mask_threshold: float = 0.0
    presence_threshold: float = 0.5
    tentative_frames: int = 3
    lost_after_s: float = 1.0
    min_quality: float = 0.0
    quality_frames: int = 3
    max_overlap: float = 1.0
    replay_frames: int = 0

    def __post_init__(self) -> None:
        """Check every range.

        Raises:
            ValueError: naming the setting, its value and what is allowed.
        """
        if self.num_maskmem is not None:
            _check_range('num_maskmem', self.num_maskmem, 1, None)
        if self.num_frame_to_prune is not None:
            _check_range('num_frame_to_prune', self.num_frame_to_prune, 0, None)
        if self.memory_tokens is not None:
            _check_range('memory_tokens', self.memory_tokens, 1, None)
        _check_range('max_prompted_frames', self.max_prompted_frames, 1, None)
        _check_range('min_memory_score', self.min_memory_score, 0.0, 1.0)
        if self.region not in REGIONS:
            raise ValueError(f'region is {self.region!r}; it must be {" or ".join(REGIONS)}')
        _check_range('max_objects', self.max_objects, 1, MOST_INSTANCES)
        _check_range('presence_threshold', self.presence_threshold, 0.5, 1.0)
        _check_range('tentative_frames', self.tentative_frames, 1, None)
        _check_range('lost_after_s', self.lost_after_s, 0.01, None)
        _check_range('min_quality', self.min_quality, 0.0, 1.0)
        _check_range('quality_frames', self.quality_frames, 1, None)
        _check_range('max_overlap', self.max_overlap, 0.0, 1.0)
        _check_range('replay_frames', self.replay_frames, 0, None)

    @property
    def gates_memory(self) -> bool:
        """Whether some tracked frames are kept out of the memory."""
        absent_or_low = not self.write_memory_when_absent or self.min_memory_score > 0.0
        return absent_or_low or self.gates_uncertain

    @property
    def gates_uncertain(self) -> bool:
        """Whether the memory depends on the quality of the mask, as the state does."""
        return not self.write_memory_when_uncertain and self.min_quality > 0.0


def presence_to_logit(presence: float) -> float:
    """Inverse of the sigmoid; exactly 0 for 0.5."""
    return math.inf if presence >= 1.0 else math.log(presence / (1.0 - presence))


def _check_range(name: str, value: float, least: float, most: float | None) -> None:
    if value < least or (most is not None and value > most):
        allowed = f'at least {least}' if most is None else f'from {least} to {most}'
        raise ValueError(f'{name} is {value}; it must be {allowed}')
