# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Prompts for objects, and the checks that keep a wrong one away from the tracker."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from surgsam2_ros.tracking.view import Region

LONGEST_OBJECT_ID = 256


class PromptError(ValueError):
    """A prompt cannot be used; `object_id` names it, nothing was changed."""

    def __init__(self, object_id: str, reason: str) -> None:
        """Keep the id beside the message."""
        super().__init__(f"prompt for object '{object_id}': {reason}")
        self.object_id = object_id


class UnknownObjectError(KeyError):
    """The tracker follows no object of this id."""

    def __init__(self, object_id: str, known: Sequence[str]) -> None:
        """Name the known ids, so that a typing error shows."""
        super().__init__(object_id)
        self.object_id = object_id
        self._known = ', '.join(known) or 'none'

    def __str__(self) -> str:
        """Return a sentence, where KeyError would give the bare id."""
        return f"object '{self.object_id}' is not tracked; tracked objects: {self._known}"


@dataclass(frozen=True, eq=False)
class Prompt:
    """Shows one object in one image: by a mask, or by a box, points or both.

    Attributes:
        object_id: name of the object, unique among those tracked.
        points: [P, 2] pixels (x, y) of the image, or None.
        labels: [P] 1 for a point on the object, 0 for one off it; as many as points.
        box: (x0, y0, x1, y1) pixels, x0 < x1 and y0 < y1, or None.
        mask: bool or integer [H, W] at image size, nonzero on the object, or None.
        class_name: free text; an empty one leaves the class of a known object as it is.
        clear_old_points: False adds the points to those given before for the same object and
            frame; True replaces them.
    """

    object_id: str
    points: Any = None
    labels: Any = None
    box: Any = None
    mask: Any = None
    class_name: str = ''
    clear_old_points: bool = True

    @property
    def adds_points(self) -> bool:
        """Whether it is nothing but points beside those given before."""
        return self.box is None and self.mask is None and not self.clear_old_points


class WaitingPrompt(NamedTuple):
    """A prompt until its frame comes.

    Attributes:
        prompt: passed `check_shape`, and `check_fit` where the size is known.
        image_size: (H, W) of the image that it was made on; None: that of the frame.
    """

    prompt: Prompt
    image_size: tuple[int, int] | None


def check_object_id(object_id: Any) -> None:
    """Raise PromptError unless `object_id` is a printable, non-empty, short string."""
    if not isinstance(object_id, str) or not object_id.strip():
        raise PromptError(str(object_id), 'the object id is empty; give every object a name')
    if len(object_id) > LONGEST_OBJECT_ID or not object_id.isprintable():
        raise PromptError(
            object_id[:40],
            f'the object id must be printable and at most {LONGEST_OBJECT_ID} characters long',
        )


def check_request(prompts: Sequence[Prompt]) -> None:
    """Check the prompts of one request, all that needs no image size.

    Raises:
        PromptError: for the first prompt that cannot be used, or for an id that comes twice.
    """
    seen = set()
    for prompt in prompts:
        check_shape(prompt)
        if prompt.object_id in seen:
            raise PromptError(
                prompt.object_id, 'the id comes twice in one request; give one prompt per object'
            )
        seen.add(prompt.object_id)


def check_shape(prompt: Prompt) -> None:
    """Check all that can be checked without knowing the size of the image.

    Raises:
        PromptError: for a bad id, an empty or contradictory prompt, points and labels that do
            not belong together, values that are not finite, a degenerate box, an empty mask.
    """
    check_object_id(prompt.object_id)
    points, _ = points_of(prompt)
    if prompt.mask is not None:
        if len(points) or prompt.box is not None:
            raise PromptError(
                prompt.object_id, 'a mask cannot be combined with points or a box; give one of them'
            )
        mask_of(prompt)
        return
    if not len(points) and prompt.box is None:
        raise PromptError(prompt.object_id, 'it is empty; give points, a box or a mask')
    if not np.isfinite(points).all():
        raise PromptError(prompt.object_id, f'a point is not finite: {points.tolist()}')
    if prompt.box is not None:
        box_of(prompt)
        if not prompt.clear_old_points:
            raise PromptError(
                prompt.object_id,
                'a box cannot be added to earlier points; set clear_old_points or leave it out',
            )


def check_fit(prompt: Prompt, image_size: tuple[int, int]) -> None:
    """Check a prompt that passed `check_shape` against the size (H, W) of its image.

    Raises:
        PromptError: for points or a box outside the image or a mask of another size.
    """
    height, width = image_size
    if prompt.mask is not None:
        shape = np.shape(prompt.mask)
        if shape != (height, width):
            raise PromptError(
                prompt.object_id,
                f'the mask is {shape[1]}x{shape[0]}; the image is {width}x{height}, '
                'give the mask at image size',
            )
        return
    points, _ = points_of(prompt)
    outside = [(float(x), float(y)) for x, y in points if not (0 <= x < width and 0 <= y < height)]
    if outside:
        raise PromptError(
            prompt.object_id, f'point {outside[0]} lies outside the {width}x{height} image'
        )
    if prompt.box is not None:
        x0, y0, x1, y1 = box_of(prompt)
        if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
            raise PromptError(
                prompt.object_id,
                f'box ({x0:g}, {y0:g}, {x1:g}, {y1:g}) reaches outside the {width}x{height} image',
            )


def check_seen(prompt: Prompt, image_size: tuple[int, int], region: Region) -> None:
    """Check that something of a prompt that passed `check_fit` lies in what the network sees.

    Raises:
        PromptError: for a point, a box or a mask in the black surroundings of the view.
    """
    if region.is_whole:
        return
    left, top, width, height = region.scaled(image_size)
    points, labels = points_of(prompt)
    if prompt.mask is not None:
        rows, columns = np.nonzero(mask_of(prompt))
        seen = _any_inside(np.stack([columns, rows], axis=1) + 0.5, left, top, width, height)
    elif prompt.box is not None:
        x0, y0, x1, y1 = box_of(prompt)
        seen = x0 < left + width and x1 > left and y0 < top + height and y1 > top
    else:
        seen = _any_inside(points[labels == 1], left, top, width, height)
        seen |= not (labels == 1).any()
    if not seen:
        raise PromptError(
            prompt.object_id,
            f'it lies beside the lit view, which is {width:.0f}x{height:.0f} pixels at '
            f'({left:.0f}, {top:.0f}); if that is no black border of the image, set input.region '
            'to full',
        )


def not_kept(
    frame_index: int, kept: Collection[int], prompts: Sequence[Prompt], replay_frames: int
) -> PromptError:
    """Return the error of prompts for a frame that is not among those kept."""
    known = f'{min(kept)} to {max(kept)}' if kept else 'none'
    return PromptError(
        prompts[0].object_id if prompts else '',
        f'frame {frame_index} is not kept (kept: {known}); leave frame_index out for the next '
        f'frame, or raise replay_frames, which is {replay_frames}',
    )


def points_of(prompt: Prompt) -> tuple[np.ndarray, np.ndarray]:
    """Points as float32 [P, 2] and labels as int32 [P], both empty when there are none."""
    try:
        points = np.asarray([] if prompt.points is None else prompt.points, dtype=np.float32)
        labels = np.asarray([] if prompt.labels is None else prompt.labels, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PromptError(
            prompt.object_id, f'points and labels must be numbers ({error})'
        ) from error
    if points.size == 0:
        points = points.reshape(0, 2)
    if points.ndim != 2 or points.shape[1] != 2:
        raise PromptError(
            prompt.object_id, f'points have shape {points.shape}; [P, 2] pixels (x, y) are expected'
        )
    if labels.ndim != 1 or len(labels) != len(points):
        raise PromptError(
            prompt.object_id,
            f'{len(points)} points but {labels.size} labels; give one label for each point',
        )
    if not np.isin(labels, (0, 1)).all():
        raise PromptError(
            prompt.object_id,
            f'labels are {labels.tolist()}; each must be 1 (on the object) or 0 (off it)',
        )
    return points, labels.astype(np.int32)


def box_of(prompt: Prompt) -> np.ndarray:
    """Box as float32 [4]; PromptError unless it is finite and has an area."""
    try:
        box = np.asarray(prompt.box, dtype=np.float32).reshape(-1)
    except (TypeError, ValueError) as error:
        raise PromptError(prompt.object_id, f'the box must be numbers ({error})') from error
    if box.shape != (4,):
        raise PromptError(
            prompt.object_id, f'the box has {box.size} values; (x0, y0, x1, y1) are expected'
        )
    if not np.isfinite(box).all():
        raise PromptError(prompt.object_id, f'the box is not finite: {box.tolist()}')
    if box[0] >= box[2] or box[1] >= box[3]:
        raise PromptError(
            prompt.object_id,
            f'box {tuple(box.tolist())} has no area; (x0, y0, x1, y1) with x0 < x1 and y0 < y1 is '
            'expected',
        )
    return box


def mask_of(prompt: Prompt) -> np.ndarray:
    """Mask as bool [H, W]; PromptError unless it is a non-empty image with a pixel set."""
    mask = np.asarray(prompt.mask)
    if mask.ndim != 2 or mask.size == 0:
        raise PromptError(
            prompt.object_id, f'the mask has shape {mask.shape}; [height, width] is expected'
        )
    if mask.dtype.kind not in 'bui':
        raise PromptError(
            prompt.object_id, f'the mask is of type {mask.dtype}; bool or an integer is expected'
        )
    mask = mask != 0
    if not mask.any():
        raise PromptError(prompt.object_id, 'the mask is empty; no pixel is set')
    return mask


def _any_inside(points: np.ndarray, left: float, top: float, width: float, height: float) -> bool:
    """Tell whether any point (x, y) of [P, 2] lies in a rectangle."""
    x, y = points[:, 0] - left, points[:, 1] - top
    return bool(((x >= 0) & (x < width) & (y >= 0) & (y < height)).any())
