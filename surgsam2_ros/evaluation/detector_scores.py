# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Measures a detector on labelled data sets, and on pictures of tissue without instruments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from surgsam2_ros.datasets.vos_folder import VosFolder, VosFrame
from surgsam2_ros.evaluation.metrics.detection import (
    ImageDetections,
    box_overlaps,
    detection_scores,
    mask_overlaps,
)
from surgsam2_ros.sources import SourceError, read_label_png

if TYPE_CHECKING:
    from surgsam2_ros.tracking.proposal import Proposal

Detect = Callable[[np.ndarray], Sequence['Proposal']]

_UNLABELLED = 255
_SMALLEST = 0.001  # share of the image below which an instrument need not be found
_TISSUE_PICTURES = 200  # that false instruments are told for
PICTURE_SUFFIXES = ('.jpg', '.jpeg', '.png')


def score_detector(
    detect: Detect,
    min_score: float,
    *,
    truth: Sequence[str | Path],
    tissue: Sequence[str | Path],
    every: int = 1,
    progress: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Measure a detector on data sets and on folders of tissue.

    Args:
        detect, min_score, every, progress: of `score_data_set`.
        truth: data sets.
        tissue: folders of pictures without instruments.

    Returns:
        'truth' with `score_data_set` and 'tissue' with `score_tissue` of each, by folder.
    """
    return {
        'truth': {
            Path(root).resolve().name: score_data_set(
                root, detect, min_score, every=every, progress=progress
            )
            for root in truth
        },
        'tissue': {
            Path(folder).resolve().name: score_tissue(folder, detect, min_score, progress=progress)
            for folder in tissue
        },
    }


def score_data_set(
    root: str | Path,
    detect: Detect,
    min_score: float,
    *,
    every: int = 1,
    progress: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Measure a detector on the labelled frames of a data set.

    Args:
        root: folder in the layout of `datasets.vos_folder`; pixel = object, 255 = unlabelled.
        detect: finds instruments in an image uint8 [H, W, 3], doubtful ones too.
        min_score: score that counts for precision, recall and J.
        every: every so many-th frame is taken.
        progress: called after every frame.

    Returns:
        'videos' with the scores of each, and the scores over all frames: of 'boxes' and 'masks'
        those of `DetectionScores` at an IoU of 0.5, and 'foreground_iou', the mean IoU of all
        instruments together against the background.

    Raises:
        FileNotFoundError: when it is no such data set.
        SourceError: naming a file that cannot be read.
        ValueError: when no frame is labelled.
    """
    videos: dict[str, Any] = {}
    everything: list[tuple[ImageDetections, ImageDetections, float]] = []
    for video in VosFolder(root).videos:
        labelled = [frame for frame in video.frames if frame.annotation is not None][::every]
        measured = []
        for frame in labelled:
            measured.append(_measure(frame, detect, min_score))
            progress()
        if measured:
            videos[video.name] = _summary(measured, min_score)
            everything += measured
    if not everything:
        raise ValueError(f'{root} has no labelled frame')
    return {**_summary(everything, min_score), 'videos': videos}


def count_frames(root: str | Path, every: int = 1) -> int:
    """Count the frames that `score_data_set` looks at."""
    return sum(
        len([frame for frame in video.frames if frame.annotation is not None][::every])
        for video in VosFolder(root).videos
    )


def score_tissue(
    folder: str | Path,
    detect: Detect,
    min_score: float,
    *,
    progress: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Count what a detector finds in pictures that show no instrument.

    Args:
        folder: with pictures, those in folders below it too.
        detect, min_score, progress: as of `score_data_set`.

    Raises:
        SourceError: when it holds no picture, or one that cannot be read.
    """
    false, shown = 0, 0
    files = tissue_pictures(folder)
    for path in files:
        scores = [proposal.score for proposal in detect(_read(path))]
        count = sum(score >= min_score for score in scores)
        false += count
        shown += count > 0
        progress()
    return {
        'pictures': len(files),
        'false': false,
        'pictures_with_false': shown,
        f'false_per_{_TISSUE_PICTURES}': false * _TISSUE_PICTURES / len(files),
    }


def tissue_pictures(folder: str | Path) -> list[Path]:
    """List the pictures in and below a folder.

    Raises:
        SourceError: when there is none.
    """
    files = sorted(p for p in Path(folder).rglob('*') if p.suffix.lower() in PICTURE_SUFFIXES)
    if not files:
        raise SourceError(f'{folder} holds no picture ({", ".join(PICTURE_SUFFIXES)})')
    return files


def _measure(
    frame: VosFrame, detect: Detect, min_score: float
) -> tuple[ImageDetections, ImageDetections, float]:
    rgb, labels = _read(frame.image), read_label_png(frame.annotation)
    if rgb.shape[:2] != labels.shape:
        raise SourceError(f'{frame.image} and {frame.annotation} differ in size')
    ids = [value for value in np.unique(labels) if value not in (0, _UNLABELLED)]
    true = [labels == value for value in ids]
    ignored = np.array([mask.mean() < _SMALLEST for mask in true], bool)
    found = detect(rgb)
    scores = np.array([proposal.score for proposal in found], float)
    boxes = [proposal.box for proposal in found]
    masks = [proposal.mask for proposal in found]
    by_box = ImageDetections(scores, box_overlaps(boxes, [_box(m) for m in true]), ignored)
    by_mask = ImageDetections(scores, mask_overlaps(masks, true), ignored)
    certain = [proposal.mask for proposal in found if proposal.score >= min_score]
    together = np.any(certain, axis=0) if certain else np.zeros(labels.shape, bool)
    counted = labels != _UNLABELLED
    foreground = (labels > 0) & counted
    overlap = mask_overlaps([together & counted], [foreground])[0, 0]
    empty = not together.any() and not foreground.any()
    return by_box, by_mask, 1.0 if empty else float(overlap)


def _summary(
    measured: Sequence[tuple[ImageDetections, ImageDetections, float]], min_score: float
) -> dict[str, Any]:
    boxes, masks, overlaps = zip(*measured, strict=True)
    return {
        'frames': len(measured),
        'boxes': asdict(detection_scores(boxes, min_score=min_score)),
        'masks': asdict(detection_scores(masks, min_score=min_score)),
        'foreground_iou': float(np.mean(overlaps)),
    }


def _box(mask: np.ndarray) -> tuple[float, float, float, float]:
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    return x, y, x + width, y + height


def _read(path: Path) -> np.ndarray:
    rgb = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    if rgb is None:
        raise SourceError(f'{path} is no readable image; repair or remove it')
    return rgb
