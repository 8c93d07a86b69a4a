# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Prompts of an evaluation: masks, boxes and points from the truth, and correction clicks.

Every object is prompted in the first frame in which its truth is not empty. Points are drawn from
a seed, the name of the video and the object id alone, hence do not depend on what else is
evaluated.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection
from dataclasses import dataclass

import cv2
import numpy as np

from surgsam2_ros.evaluation.metrics.overlap import jaccard
from surgsam2_ros.evaluation.runs.video import EvaluationVideo, object_ids
from surgsam2_ros.sources import SourceError

NO_PROMPT = 'none'
"""Objects are to be found."""
PROMPT_KINDS = ('mask', 'box', 'click', '1-point', '5-points', NO_PROMPT)
_POINTS = {'1-point': 1, '5-points': 5}


@dataclass(frozen=True)
class PromptSettings:
    """How objects are prompted.

    Attributes:
        kind: of PROMPT_KINDS.
        seed: of the points.
        correct_every: frames from a prompt or correction to the next correction; 0: never.
        correct_below: J below which an object is corrected then; 1: unless it is perfect. The
            default is that of the online evaluation of SAM 2 (arXiv:2408.00714).
        objects: ids that are prompted; all when empty.
        expected: ids among them whose absence is told.
    """

    kind: str = 'mask'
    seed: int = 0
    correct_every: int = 0
    correct_below: float = 0.75
    objects: tuple[int, ...] = ()
    expected: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: naming the value and what is allowed.
        """
        if self.kind not in PROMPT_KINDS:
            raise ValueError(f"prompt '{self.kind}' is unknown; use {', '.join(PROMPT_KINDS)}")
        if self.correct_every < 0:
            raise ValueError(f'correct_every is {self.correct_every}; give 0 (never) or more')
        if not 0 < self.correct_below <= 1:
            raise ValueError(f'correct_below is {self.correct_below}; give an IoU above 0, up to 1')


@dataclass(frozen=True, eq=False)
class TruthPrompt:
    """What an object is prompted with in one frame.

    Attributes:
        object_id: value in the truth.
        frame: index of the frame that the prompt belongs to.
        mask: bool [H, W], or None.
        points: float32 [P, 2] pixels (x, y), or None; labels: int32 [P], 1 on the object, 0 off it.
        box: (x0, y0, x1, y1) pixels, the first and the last on the object, or None.
    """

    object_id: int
    frame: int
    mask: np.ndarray | None = None
    points: np.ndarray | None = None
    labels: np.ndarray | None = None
    box: tuple[float, float, float, float] | None = None


def first_prompts(video: EvaluationVideo, settings: PromptSettings) -> dict[int, TruthPrompt]:
    """Prompt each object of a video in its first frame of truth.

    The prompts may come from other label images than the truth (the authors' tree has them apart);
    what is odd is added to the warnings of the video.

    Returns:
        object id -> prompt, in ascending order of the ids; never empty.

    Raises:
        SourceError: when no object (none of those asked for) ever appears, or a label image cannot
            be read.
    """
    found: dict[int, TruthPrompt] = {}
    truth_ids: set[int] = set()
    ignored = False
    for frame in range(len(video)):
        labels = video.prompt_truth(frame)
        if labels is None:
            continue
        ids = object_ids(labels)
        truth_ids.update(ids)
        ignored = ignored or bool((labels == 255).any())
        for object_id in ids:
            if object_id not in found and (not settings.objects or object_id in settings.objects):
                mask = labels == object_id
                found[object_id] = prompt_of_mask(mask, object_id, frame, video.name, settings)
    if found and ignored:
        video.warnings.append(
            'the truth has pixels of value 255, which are of no object; to have one of them '
            'tracked, give it an id from 1 to 254'
        )
    absent = [object_id for object_id in settings.expected if object_id not in found]
    if not found:
        raise SourceError(_nothing_appears(video, settings, truth_ids, ignored))
    if absent:
        video.warnings.append(
            f'objects {", ".join(map(str, absent))} never appear in the truth; it has '
            f'{", ".join(map(str, sorted(truth_ids)))}'
        )
    return dict(sorted(found.items()))


def prompt_of_mask(
    mask: np.ndarray, object_id: int, frame: int, video: str, settings: PromptSettings
) -> TruthPrompt:
    """Make the prompt of one object from its mask, bool [H, W] with at least one pixel.

    A click is at the thickest place, where a person would click.
    Points are drawn from the pixels of the mask, all equally likely and none twice, as the 1-point
    and 5-point prompts of SurgSAM2 (arXiv:2408.07931, section 4) are drawn from the annotation.
    """
    if settings.kind == 'mask':
        return TruthPrompt(object_id, frame, mask=mask)
    if settings.kind == 'box':
        return TruthPrompt(object_id, frame, box=_box(mask))
    if settings.kind == 'click':
        _, place = _deepest(mask)
        points = np.array([place], np.float32)
        return TruthPrompt(object_id, frame, points=points, labels=np.ones(1, np.int32))
    name = zlib.crc32(video.encode())
    rng = np.random.default_rng([settings.seed, name, object_id])
    places = np.flatnonzero(mask)
    drawn = rng.choice(places, min(_POINTS[settings.kind], len(places)), replace=False)
    rows, columns = np.unravel_index(drawn, mask.shape)
    points = np.stack([columns, rows], axis=1).astype(np.float32)
    return TruthPrompt(object_id, frame, points=points, labels=np.ones(len(points), np.int32))


def is_correction_due(frame: int, first_frame: int, settings: PromptSettings) -> bool:
    """Tell whether an object first prompted in `first_frame` is corrected in `frame`."""
    since = frame - first_frame
    return settings.correct_every > 0 and since > 0 and since % settings.correct_every == 0


def correction(
    predicted: np.ndarray,
    truth: np.ndarray,
    object_id: int,
    frame: int,
    *,
    below: float = 1.0,
) -> TruthPrompt | None:
    """Click where a person would: at the thickest place of the largest mistake.

    The larger of the two depths decides between a click on what was missed (label 1) and one on
    what is too much (label 0), as in the interactive evaluation of SAM 2 (arXiv:2408.00714).

    Args:
        predicted, truth: bool [H, W].
        object_id, frame: noted in the prompt.
        below: J from which on nothing is corrected.

    Returns:
        One click, or None when the mask is good enough.
    """
    if jaccard(predicted, truth) >= below:
        return None
    missed, leaked = _deepest(truth & ~predicted), _deepest(predicted & ~truth)
    _, place = max(missed, leaked, key=lambda entry: entry[0])
    label = 1 if missed[0] >= leaked[0] else 0
    return TruthPrompt(
        object_id,
        frame,
        points=np.array([place], np.float32),
        labels=np.array([label], np.int32),
    )


def _deepest(region: np.ndarray) -> tuple[float, tuple[int, int]]:
    """Depth [px] and pixel (x, y) of the place farthest from the border of a region."""
    depth = cv2.distanceTransform(np.pad(region, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(depth[row, column]), (int(column), int(row))


def _box(mask: np.ndarray) -> tuple[float, float, float, float]:
    """Tight box of a mask, ending on its last pixel as SAM's do; one pixel still gets an area."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return float(x), float(y), float(x + max(width - 1, 1)), float(y + max(height - 1, 1))


def _nothing_appears(
    video: EvaluationVideo,
    settings: PromptSettings,
    truth_ids: Collection[int],
    ignored: bool,
) -> str:
    if settings.objects and truth_ids:
        wanted = ', '.join(map(str, settings.objects))
        there = ', '.join(map(str, sorted(truth_ids)))
        return f'objects {wanted} never appear in the truth of {video.images}, which has {there}'
    message = f'the truth of {video.images} shows no object in any frame; ids are 1 to 254'
    if ignored:
        message += '. It has the value 255, which means "ignore": write a mask as 0 and 1'
    return message
