# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Prompts as people give them, from true masks: masks, loose boxes, clicks and corrections.

Pixels are drawn on the device of the masks; the random numbers come from a generator on the host,
so that a draw does not depend on the device.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np
import torch
from torch import Tensor

POSITIVE, NEGATIVE, BOX_TOP_LEFT, BOX_BOTTOM_RIGHT, PADDING = 1, 0, 2, 3, -1
TIGHT_BOX_NOISE = 0.02  # of a box drawn with care
BOX_NOISE_PIXELS = 20.0  # most that a side of a simulated box is off, as in SAM


class PromptKind(Enum):
    """What a frame of a clip is prompted with."""

    MASK = 'mask'
    BOX = 'box'
    POINT = 'point'


@dataclass(frozen=True)
class PromptRecipe:
    """How clips are prompted while training; the defaults are those of the released recipe.

    Attributes:
        mask: share of clips prompted with masks; single frames are never.
        box: share of clips prompted with boxes; the rest is prompted with clicks.
        box_noise: most that a side of a box is off, as a fraction of the box (and 20 px).
        tight_boxes: share of boxes whose sides are off by 2 % at most.
        several_clicks: share of click prompts that start with 2 to 5 clicks instead of one.
        centred_clicks: share of clicks that aim at the thickest place of their region, as people
            do; the others fall on any of its pixels.
        prompted_frames: frames of a clip that are prompted, the first and others at random.
        corrected_frames: frames that get correction clicks when the prompts are boxes or clicks:
            the prompted ones and others at random.
        correct_after_masks: whether frames that are tracked from mask prompts get them too.
        random_counts: take both numbers as the most, and draw how many.
        correction_clicks: clicks on a corrected frame, each after a look at the mask before it.
        correction_from_truth: share of the clicks that are drawn from the true mask instead of
            from where the prediction is wrong.
        correct: probability that a frame to be corrected is.
        damaged: share of objects whose mask is damaged before the first click that corrects it.
        corrections_condition: remember corrected frames as prompted ones
            (add_all_frames_to_correct_as_cond of the official code).
        detach_corrections: hand the mask that a click corrects to the decoder as inference does,
            clamped; no gradient passes through it. The official training does neither.
        read_masks: let the decoder also predict the mask from a mask prompt, of which inference
            takes the object pointer alone.
        per_image: how often each object of an unrelated image is prompted, anew each time; the
            image is encoded once.
    """

    mask: float = 0.5
    box: float = 0.25
    box_noise: float = 0.1
    tight_boxes: float = 0.0
    several_clicks: float = 0.0
    centred_clicks: float = 0.0
    prompted_frames: int = 1
    corrected_frames: int = 1
    correct_after_masks: bool = False
    random_counts: bool = False
    correction_clicks: int = 7
    correction_from_truth: float = 0.1
    correct: float = 1.0
    damaged: float = 0.0
    corrections_condition: bool = True
    detach_corrections: bool = False
    read_masks: bool = False
    per_image: int = 1

    def __post_init__(self):
        """Check the values.

        Raises:
            ValueError: when a value is impossible.
        """
        for name in (
            'mask',
            'box',
            'tight_boxes',
            'several_clicks',
            'centred_clicks',
            'correction_from_truth',
            'correct',
            'damaged',
        ):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f'prompts: {name} is {getattr(self, name)}; it must be 0 to 1')
        if self.mask + self.box > 1:
            raise ValueError(
                f'prompts: mask {self.mask} and box {self.box} are shares; '
                'their sum must be at most 1'
            )
        if self.box_noise < 0 or self.correction_clicks < 0:
            raise ValueError(
                f'prompts: box_noise {self.box_noise} and correction_clicks '
                f'{self.correction_clicks} must not be negative'
            )
        if self.per_image < 1:
            raise ValueError(f'prompts: per_image {self.per_image} must be at least 1')
        if not 1 <= self.prompted_frames <= self.corrected_frames:
            raise ValueError(
                f'prompts: prompted_frames {self.prompted_frames} must be at least 1 and at most '
                f'corrected_frames {self.corrected_frames}'
            )


RELEASED_PROMPTS = PromptRecipe()


@dataclass(frozen=True, eq=False)
class PromptBatch:
    """The prompt of every object on a frame.

    Attributes:
        kind: of all objects alike, so that they decode in one batch.
        points: float32 [N, P, 2], pixels (x, y); None for masks.
        labels: int64 [N, P] with the values of SAM 2 (1, 0, 2 and 3 for box corners, -1 padding).
    """

    kind: PromptKind
    points: Tensor | None = None
    labels: Tensor | None = None


@dataclass(frozen=True)
class PromptPlan:
    """Which frames of a clip are prompted, and which are corrected.

    Attributes:
        kinds: prompted frame -> kind, in the order in which they are processed, frame 0 first.
        corrected: frames that get correction clicks.
    """

    kinds: Mapping[int, PromptKind]
    corrected: frozenset[int] = frozenset()


def draw_plan(recipe: PromptRecipe, frames: int, rng: np.random.Generator) -> PromptPlan:
    """Draw what is prompted with what in a clip of so many frames.

    A clip has masks on all its prompted frames, or else a box or clicks on each. On single frames
    there would be nothing to learn from masks: they get boxes and clicks in their shares.
    """
    by_mask = rng.random() < recipe.mask and frames > 1
    prompted = min(recipe.prompted_frames, frames)
    corrected = min(recipe.corrected_frames, frames)
    if recipe.random_counts:
        prompted = int(rng.integers(1, prompted, endpoint=True))
        corrected = int(rng.integers(prompted, corrected, endpoint=True))
    others = 1 + rng.permutation(frames - 1)
    chosen = [0, *(int(frame) for frame in others)]
    if by_mask:
        # One frame at least is tracked: given masks are nothing to learn from.
        prompted = min(prompted, frames - 1)
        tracked = chosen[prompted : max(corrected, 2)] if recipe.correct_after_masks else []
        return PromptPlan(
            dict.fromkeys(chosen[:prompted], PromptKind.MASK),
            frozenset(frame for frame in tracked if rng.random() < recipe.correct),
        )
    rest = 1.0 - recipe.mask
    box = recipe.box / rest if rest > 0 else 0.5
    kinds = {
        frame: PromptKind.BOX if rng.random() < box else PromptKind.POINT
        for frame in chosen[:prompted]
    }
    return PromptPlan(
        kinds,
        frozenset(frame for frame in chosen[:corrected] if rng.random() < recipe.correct),
    )


def simulate_prompts(
    masks: Tensor | np.ndarray,
    kind: PromptKind,
    rng: np.random.Generator,
    recipe: PromptRecipe = RELEASED_PROMPTS,
) -> PromptBatch:
    """Draw a prompt for every mask.

    Where an object is not in the frame, a click on the background says so instead of a box or a
    click on it.

    Args:
        masks: bool [N, H, W].
    """
    masks = torch.as_tensor(masks)
    if kind is PromptKind.MASK:
        return PromptBatch(kind)
    nothing = torch.zeros_like(masks)
    if kind is PromptKind.BOX:
        boxes = loose_boxes(masks, rng, recipe.box_noise, recipe.tight_boxes)
        point, label = draw_clicks(nothing, masks, rng)
        instead = torch.stack([point, torch.zeros_like(point)], dim=1)
        instead_labels = torch.stack([label, torch.full_like(label, PADDING)], dim=1)
        there = masks.flatten(1).any(dim=1)
        points = torch.where(there[:, None, None], boxes[0], instead)
        return PromptBatch(kind, points, torch.where(there[:, None], boxes[1], instead_labels))
    several = rng.random() < recipe.several_clicks
    count = int(rng.integers(2, 6)) if several else 1
    clicks = [draw_clicks(nothing, masks, rng, recipe.centred_clicks) for _ in range(count)]
    points, labels = zip(*clicks, strict=True)
    return PromptBatch(kind, torch.stack(points, dim=1), torch.stack(labels, dim=1))


def loose_boxes(
    masks: Tensor, rng: np.random.Generator, noise: float = 0.1, tight: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Draw a box around each mask, every side off by up to a fraction of the box's size.

    Args:
        masks: bool [N, H, W], none of them empty.
        noise: that fraction; a side is off by at most 20 px.
        tight: share of boxes with a fraction of TIGHT_BOX_NOISE instead.

    Returns:
        corners (x0, y0), (x1, y1), float32 [N, 2, 2] within the frame, and their labels [N, 2].
    """
    height, width = masks.shape[-2:]
    first_x, last_x = _extent(masks.any(dim=1))
    first_y, last_y = _extent(masks.any(dim=2))
    corners = torch.stack([first_x, first_y, last_x, last_y], dim=1).view(-1, 2, 2)
    corners = corners.float()
    size = corners[:, 1:] - corners[:, :1]  # [N, 1, 2]
    draws = rng.uniform(-1.0, 1.0, corners.shape)
    draws = torch.as_tensor(draws, dtype=torch.float32, device=masks.device)
    fraction = np.full((len(masks), 1, 1), noise, np.float32)
    if tight > 0:
        fraction[rng.random(len(masks)) < tight] = TIGHT_BOX_NOISE
    reach = torch.from_numpy(fraction).to(masks.device) * size
    corners = corners + draws * reach.clamp(max=BOX_NOISE_PIXELS)
    limit = torch.tensor([width - 1.0, height - 1.0], device=masks.device)
    corners = corners.clamp(min=torch.zeros_like(limit), max=limit).sort(dim=1).values
    labels = torch.tensor([BOX_TOP_LEFT, BOX_BOTTOM_RIGHT], device=masks.device)
    return corners, labels.expand(len(masks), -1)


def _extent(occupied: Tensor) -> tuple[Tensor, Tensor]:
    """First and last True of every row of bool [N, L]: two int64 [N]."""
    places = torch.arange(occupied.shape[1], device=occupied.device)
    first = torch.where(occupied, places, occupied.shape[1]).amin(dim=1)
    return first, torch.where(occupied, places, -1).amax(dim=1)


def draw_clicks(
    predicted: Tensor, truth: Tensor, rng: np.random.Generator, centred: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Draw a click per object where the prediction is wrong: positive on a miss, else negative.

    All wrong pixels are equally likely. Where nothing is wrong the click is a negative one on the
    background; where there is no background either it is padding.

    Args:
        predicted, truth: bool [N, H, W]; with an empty prediction the clicks lie on the object.
        centred: share of clicks that move to the thickest place of the misses or of the leaks.

    Returns:
        points float32 [N, 2], pixels (x, y), and labels int64 [N].
    """
    missed, leaked = truth & ~predicted, predicted & ~truth
    wrong = missed | leaked
    right = ~wrong.flatten(1).any(dim=1)
    region = torch.where(right[:, None, None], ~truth, wrong)
    place = _draw_pixels(region, rng)  # [N]
    positive = missed.flatten(1).gather(1, place[:, None])[:, 0]
    labels = torch.where(positive, POSITIVE, NEGATIVE)
    labels = torch.where(region.flatten(1).any(dim=1), labels, PADDING)
    width = truth.shape[-1]
    points = torch.stack([place % width, place // width], dim=1).float()
    if centred > 0:
        aimed = rng.random(len(truth)) < centred
        for row in np.flatnonzero(aimed):
            parts = missed if bool(positive[row]) else region & ~missed
            points[row] = _thickest_place(parts[row], rng).to(points)
    return points, labels


def _draw_pixels(region: Tensor, rng: np.random.Generator) -> Tensor:
    """Draw a pixel of each region [N, H, W], its flat index int64 [N]; 0 in an empty region."""
    draws = rng.random(len(region), dtype=np.float32)
    draws = torch.as_tensor(draws, device=region.device)
    passed = region.flatten(1).cumsum(dim=1, dtype=torch.int32)  # [N, HW]
    count = passed[:, -1]
    wanted = torch.minimum((draws * count).int(), count - 1) + 1
    return torch.searchsorted(passed, wanted[:, None])[:, 0]


def _thickest_place(region: Tensor, rng: np.random.Generator) -> Tensor:
    """Draw one of the pixels farthest from the border of a region [H, W]: (x, y), float32 [2]."""
    padded = np.pad(region.cpu().numpy().astype(np.uint8), 1)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    candidates = np.argwhere(depth >= 0.8 * depth.max())
    row, column = candidates[rng.integers(len(candidates))]
    return torch.tensor([float(column), float(row)])


def add_corrections(
    prompts: PromptBatch | None,
    predicted: Tensor,
    truth: Tensor,
    rng: np.random.Generator,
    recipe: PromptRecipe = RELEASED_PROMPTS,
) -> PromptBatch:
    """Add a click per object to the prompts that a frame has had.

    Args:
        prompts: boxes or clicks; None for a frame that was tracked.
        predicted, truth: bool [N, H, W].
    """
    if rng.random() < recipe.correction_from_truth:
        predicted = torch.zeros_like(truth)
    points, labels = draw_clicks(predicted, truth, rng, recipe.centred_clicks)
    points, labels = points[:, None], labels[:, None]
    if prompts is None:
        return PromptBatch(PromptKind.POINT, points, labels)
    return PromptBatch(
        prompts.kind,
        torch.cat([prompts.points, points], dim=1),
        torch.cat([prompts.labels, labels], dim=1),
    )


def corrupt_mask(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Damage a mask as drift does: a piece lost, grown, shrunk, or with a blob not its own.

    Args:
        mask: bool [H, W].

    Returns:
        bool [H, W]; may be empty.
    """
    damaged = mask.astype(np.uint8)
    size = max(3, int(np.sqrt(max(mask.sum(), 1.0))))
    kind = rng.integers(4)
    if kind == 0 and mask.any():
        _stamp(damaged, np.argwhere(mask)[rng.integers(mask.sum())], size, 0, rng)
    elif kind in (1, 2):
        width = int(rng.integers(1, max(2, size // 6) + 1)) * 2 + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
        damaged = (cv2.dilate if kind == 1 else cv2.erode)(damaged, kernel)
    else:
        _stamp(damaged, rng.integers(0, mask.shape), size, 1, rng)
    return damaged.astype(bool)


def _stamp(mask: np.ndarray, centre: np.ndarray, size: int, value: int, rng: np.random.Generator):
    """Paint a random ellipse, its axes a fraction of `size` px, into a uint8 mask."""
    axes = [int(max(2, a)) for a in rng.uniform(0.25, 0.8, 2) * size]
    row, column = (int(c) for c in centre)
    cv2.ellipse(mask, (column, row), axes, float(rng.uniform(0, 180)), 0, 360, value, -1)
