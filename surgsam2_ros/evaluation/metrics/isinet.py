# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Overlaps of class maps as EndoVis methods report them, and the instance-level CIoU."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from surgsam2_ros.evaluation.metrics.overlap import check_same_size

Frame = TypeVar('Frame', int, str)
CLASSES = range(1, 8)  # instrument types of the EndoVis 2017 and 2018 label sets


class ClassOverlaps:
    """Collects the overlaps of class maps, image by image, by the code of ISINet.

    An image in which neither map shows an object does not count; one with an empty prediction
    counts as an overlap of 0 of every class that the truth shows, and adds nothing to mIoU.
    """

    def __init__(self, classes: Iterable[int] = CLASSES) -> None:
        """Begin with no images; only the given values of the maps count."""
        self._by_class: dict[int, list[float]] = {value: [] for value in classes}
        self._of_truth: list[float] = []  # by image
        self._of_either: list[float] = []
        self._intersection = self._union = 0

    def add(self, truth: np.ndarray, predicted: np.ndarray) -> None:
        """Take in an image.

        Args:
            truth, predicted: uint8 [H, W] class maps, 0 = background.

        Raises:
            ValueError: when the shapes differ.
        """
        check_same_size(predicted, truth)
        shown = [value for value in self._by_class if (truth == value).any()]
        if not predicted.any():
            if truth.any():
                self._of_truth.append(0.0)
                self._of_either.append(0.0)
            for value in shown:
                self._by_class[value].append(0.0)
            return
        overlaps = {}
        for value, overlaps_of_class in self._by_class.items():
            mask, true_mask = predicted == value, truth == value
            union = int(np.count_nonzero(mask | true_mask))
            if union:
                intersection = int(np.count_nonzero(mask & true_mask))
                overlaps[value] = intersection / union
                overlaps_of_class.append(overlaps[value])
                self._intersection += intersection
                self._union += union
        if overlaps:
            self._of_either.append(float(np.mean(list(overlaps.values()))))
        if shown:
            self._of_truth.append(float(np.mean([overlaps[value] for value in shown])))

    def extend(self, other: ClassOverlaps) -> None:
        """Take in the images of another collection of the same classes."""
        for value, overlaps in other._by_class.items():
            self._by_class[value] += overlaps
        self._of_truth += other._of_truth
        self._of_either += other._of_either
        self._intersection += other._intersection
        self._union += other._union

    def scores(self) -> dict[str, float | dict[int, float | None] | None]:
        """Return the scores of the images so far; see `isinet_scores`."""
        means = {value: _mean(overlaps) for value, overlaps in self._by_class.items()}
        return {
            'challenge_iou': _mean(self._of_truth),
            'iou': _mean(self._of_either),
            'miou': self._intersection / self._union if self._union else None,
            'mciou': _mean([mean for mean in means.values() if mean is not None]),
            'classes': means,
        }


def isinet_scores(
    truth: Iterable[np.ndarray],
    predicted: Iterable[np.ndarray],
    classes: Iterable[int] = CLASSES,
) -> dict[str, float | dict[int, float | None] | None]:
    """Overlaps of class maps by the code of ISINet (Gonzalez et al., MICCAI 2020).

    Args:
        truth, predicted: uint8 [H, W] class maps of the same images, 0 = background.
        classes: values that count.

    Returns:
        fractions in [0, 1], None where no image counts; see `ClassOverlaps` for empty images:
        'challenge_iou': mean over images of the mean IoU of the classes that the truth shows.
        'iou': mean over images of the mean IoU of the classes that either map shows.
        'miou': sum of all intersections over the sum of all unions, of all images and classes.
        'mciou': mean over classes of the mean IoU over the images in which either map shows it.
        'classes': class -> the mean that 'mciou' takes; None for one that is nowhere.

    Raises:
        ValueError: when shapes or numbers of images differ.
    """
    overlaps = ClassOverlaps(classes)
    for true_map, map_ in zip(truth, predicted, strict=True):
        overlaps.add(true_map, map_)
    return overlaps.scores()


def instance_ciou(objects: Iterable[Mapping[Frame, float]]) -> list[float]:
    """CIoU on instances, of SurgSAM2 (Liu et al., arXiv 2408.07931): one value per frame.

    The figure of a data set is the mean over the frames of all its videos.

    Args:
        objects: for each object of a video, frame -> J in [0, 1], of the frames whose truth shows
            it and in which it was measured. Frames are indices or names.

    Returns:
        for each of these frames, in their order, the mean J over its objects.
    """
    by_frame: dict[Frame, list[float]] = {}
    for overlaps in objects:
        for frame, overlap in overlaps.items():
            by_frame.setdefault(frame, []).append(overlap)
    return [float(np.mean(by_frame[frame])) for frame in sorted(by_frame)]


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
