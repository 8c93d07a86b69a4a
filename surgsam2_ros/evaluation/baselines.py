# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Baselines: trackers without learning, which a network must beat to be worth its weight.

Each is a generator function that takes the frames of a clip, the first of them included, and the
mask of one object in the first frame, and yields a mask for every frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import cv2
import numpy as np

Baseline = Callable[[Iterable[np.ndarray], np.ndarray], Iterator[np.ndarray]]

GRABCUT_ROUNDS = 2
BAND = 0.1  # width of the uncertain band of a warped mask, as a fraction of the root of its area
BOX_MARGIN = 0.05  # what GrabCut gets of a tracked box on each side, as a fraction of its side


def copy_first_mask(frames: Iterable[np.ndarray], mask: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the first mask for every frame.

    Args:
        frames: uint8 [H, W, 3], RGB.
        mask: bool [H, W].
    """
    for _ in frames:
        yield mask


def warp_by_flow(frames: Iterable[np.ndarray], mask: np.ndarray) -> Iterator[np.ndarray]:
    """Move the mask from frame to frame by dense optical flow (DIS, Kroeger et al., ECCV 2016).

    Args:
        frames: uint8 [H, W, 3], RGB.
        mask: bool [H, W].
    """
    return _warp(frames, mask, cut=False)


def warp_and_cut(frames: Iterable[np.ndarray], mask: np.ndarray) -> Iterator[np.ndarray]:
    """Move the mask by optical flow and fit it to the colours of every frame with GrabCut.

    GrabCut (Rother et al., SIGGRAPH 2004) decides in a band along the outline of the moved mask.

    Args:
        frames: uint8 [H, W, 3], RGB.
        mask: bool [H, W].
    """
    return _warp(frames, mask, cut=True)


def track_box_and_cut(frames: Iterable[np.ndarray], mask: np.ndarray) -> Iterator[np.ndarray]:
    """Track the bounding box with CSRT (Lukezic et al., CVPR 2017), segment it with GrabCut.

    A frame in which the tracker reports a failure gets an empty mask.

    Args:
        frames: uint8 [H, W, 3], RGB.
        mask: bool [H, W], not empty.

    Raises:
        AttributeError: when OpenCV was built without its contrib modules.
    """
    tracker = None
    for rgb in frames:
        bgr = np.ascontiguousarray(rgb[..., ::-1])
        if tracker is None:
            tracker = cv2.TrackerCSRT_create()
            tracker.init(bgr, cv2.boundingRect(mask.astype(np.uint8)))
            yield mask
            continue
        found, box = tracker.update(bgr)
        yield _cut_box(bgr, box) if found else np.zeros_like(mask)


BASELINES: Mapping[str, Baseline] = {
    'first mask copied': copy_first_mask,
    'DIS optical flow': warp_by_flow,
    'DIS optical flow + GrabCut': warp_and_cut,
    'CSRT + GrabCut': track_box_and_cut,
}
"""All of them by name."""


def available_baselines() -> dict[str, Baseline]:
    """Return those that this machine has: CSRT is in OpenCV's contrib builds alone."""
    has_csrt = hasattr(cv2, 'TrackerCSRT_create')
    return {
        name: follow
        for name, follow in BASELINES.items()
        if has_csrt or follow is not track_box_and_cut
    }


def _warp(frames: Iterable[np.ndarray], mask: np.ndarray, cut: bool) -> Iterator[np.ndarray]:
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    rows, columns = np.indices(mask.shape, dtype=np.float32)
    previous = None
    for rgb in frames:
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        if previous is not None:
            back = flow.calc(grey, previous, None)  # [H, W, 2], where each pixel was
            moved = cv2.remap(
                mask.astype(np.float32),
                columns + back[..., 0],
                rows + back[..., 1],
                cv2.INTER_LINEAR,
            )
            mask = moved > 0.5
            if cut:
                mask = _cut_band(np.ascontiguousarray(rgb[..., ::-1]), mask)
        previous = grey
        yield mask


def _cut_band(bgr: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Let GrabCut decide along the outline of a mask; without a sure core it stays as it is."""
    width = 2 * max(2, round(BAND * float(np.sqrt(mask.sum())))) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    inside = mask.astype(np.uint8)
    marks = np.full(mask.shape, cv2.GC_BGD, np.uint8)
    marks[cv2.dilate(inside, kernel) > 0] = cv2.GC_PR_BGD
    marks[mask] = cv2.GC_PR_FGD
    marks[cv2.erode(inside, kernel) > 0] = cv2.GC_FGD
    return _grabcut(bgr, marks, mask)


def _cut_box(bgr: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """Segment what a box (x, y, width, height) holds."""
    height, width = bgr.shape[:2]
    x, y, w, h = box
    left, top = round(x - BOX_MARGIN * w), round(y - BOX_MARGIN * h)
    right, bottom = round(x + (1 + BOX_MARGIN) * w), round(y + (1 + BOX_MARGIN) * h)
    marks = np.full((height, width), cv2.GC_BGD, np.uint8)
    marks[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = cv2.GC_PR_FGD
    return _grabcut(bgr, marks, marks == cv2.GC_PR_FGD)


def _grabcut(bgr: np.ndarray, marks: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """Run GrabCut from marks; where they leave it no foreground or background, give up."""
    likely = (marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)
    if not likely.any() or likely.all():
        return otherwise
    cv2.setRNGSeed(0)
    models = np.zeros((2, 1, 65))
    cv2.grabCut(bgr, marks, None, models[0], models[1], GRABCUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    return (marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)
