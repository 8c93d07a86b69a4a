# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Numbers for the objects of a class from frame to frame, where a data set has classes alone.

The official test labels of EndoVis 2017 tell types and those of EndoVis 2018 parts of instruments,
not which of two instruments of a kind a pixel belongs to. Connected regions are taken for objects
here and follow the object they overlap most in the frame before. At one or two frames a second
that is a good guess and no truth: two instruments that touch when first seen count as one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np

SMALLEST_OBJECT = 2e-4  # of the image; a smaller region makes no object of its own
_FARTHEST_JUMP = 0.35  # of the image's diagonal, for an object that no longer overlaps itself


@dataclass
class RawLabels:
    """The labels of one frame before all its objects have numbers.

    Attributes:
        labels: uint8 [H, W], ids where the object is known, 0 elsewhere.
        unnumbered: bool [H, W] by class name, pixels of which the class alone is known.
    """

    labels: np.ndarray
    unnumbered: dict[str, np.ndarray] = field(default_factory=dict)


class InstanceLinker:
    """Gives the objects of one video their numbers.

    Attributes:
        classes: class name by object id; grows as objects appear.
        crowded: number of regions for which no id was left, so that they joined another object.
    """

    def __init__(
        self,
        classes: dict[int, str] | None = None,
        *,
        ids: Iterable[int] = range(1, 11),
        complete: bool = False,
    ) -> None:
        """Start a video.

        Args:
            classes: objects known beforehand.
            ids: that new objects may take.
            complete: there are no more objects of their classes than these.
        """
        self.classes = dict(classes or {})
        self.crowded = 0
        self._ids = tuple(ids)
        self._complete = complete
        self._last: dict[int, np.ndarray] = {}

    def link(self, raw: RawLabels) -> np.ndarray:
        """Give the objects of the next frame their numbers.

        Args:
            raw: labels, of the same size throughout a video.

        Returns:
            uint8 [H, W], 0 = background.
        """
        labels = raw.labels.copy()
        for name, mask in raw.unnumbered.items():
            if mask.any():
                self._number(name, mask & (raw.labels == 0), labels)
        self.observe(labels)
        return labels

    def observe(self, labels: np.ndarray) -> None:
        """Remember where the objects of a frame are; labels uint8 [H, W]."""
        for label in np.unique(labels):
            if label:
                self._last[int(label)] = labels == label

    def _number(self, name: str, mask: np.ndarray, labels: np.ndarray) -> None:
        """Write the ids of the objects of one class into `labels`."""
        own = [label for label, known in self.classes.items() if known == name]
        last = {label: self._last[label] for label in own if label in self._last}
        numbers, count, large = _regions(mask)
        shared = {  # pixels by region
            label: np.bincount(numbers[seen], minlength=count + 1)[1:]
            for label, seen in last.items()
        }
        homes = {label: int(np.argmax(shares)) for label, shares in shared.items() if any(shares)}
        homeless: list[int] = []
        taken = set(homes)
        for number in range(count):
            region = numbers == number + 1
            owners = [label for label, home in homes.items() if home == number]
            if len(owners) > 1:  # objects that touch now
                labels[region] = _nearest({label: last[label] for label in owners})[region]
            elif owners:
                labels[region] = owners[0]
            elif any(shares[number] for shares in shared.values()):  # a piece of an object
                labels[region] = max(shared, key=lambda label, n=number: shared[label][n])
            else:
                homeless.append(number)
        for number in homeless:
            region = numbers == number + 1
            free = [label for label in own if label not in taken]
            is_crumb = number >= large
            label = self._place(name, region, free, taken, labels, is_crumb=is_crumb)
            if label:
                labels[region] = label
                taken.add(label)

    def _place(
        self,
        name: str,
        region: np.ndarray,
        free: list[int],
        taken: set[int],
        labels: np.ndarray,
        *,
        is_crumb: bool,
    ) -> int:
        """Choose the id of a region that overlaps no object of its class; 0 for none."""
        here = {label: labels == label for label in taken}
        complete = self._complete and name in self.classes.values()
        if not is_crumb:
            seen = {label: self._last[label] for label in free if label in self._last}
            reach = np.inf if complete else _FARTHEST_JUMP * np.hypot(*region.shape)
            distance, label = _closest(region, seen)
            if label and distance <= reach:
                return label
            unseen = [label for label in free if label not in self._last]
            if unseen:
                return unseen[0]
            left = [label for label in self._ids if label not in self.classes]
            if left and not complete:
                self.classes[left[0]] = name
                return left[0]
            self.crowded += not complete
        return _closest(region, here)[1]


def _regions(mask: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Find the connected regions of a mask.

    Returns:
        int [H, W], their numbers from 1, the largest first, 0 elsewhere; how many there are; how
        many of them have the size of an object.
    """
    count, numbers, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = statistics[1:, cv2.CC_STAT_AREA]
    order = np.argsort(-areas, kind='stable')
    renumbered = np.zeros(count, np.int32)
    renumbered[order + 1] = np.arange(1, count)
    return renumbered[numbers], count - 1, int((areas >= SMALLEST_OBJECT * mask.size).sum())


def _nearest(masks: dict[int, np.ndarray]) -> np.ndarray:
    """Return for each pixel the id of the nearest mask, uint8 [H, W]."""
    ids = list(masks)
    distances = [
        cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3) for mask in masks.values()
    ]
    return np.asarray(ids, np.uint8)[np.argmin(distances, axis=0)]


def _closest(region: np.ndarray, masks: dict[int, np.ndarray]) -> tuple[float, int]:
    """Return the distance of the nearest mask's centroid [px] and its id; (inf, 0) without any."""
    centre = _centroid(region)
    distances = {label: float(np.hypot(*(_centroid(m) - centre))) for label, m in masks.items()}
    if not distances:
        return np.inf, 0
    label = min(distances, key=distances.__getitem__)
    return distances[label], label


def _centroid(mask: np.ndarray) -> np.ndarray:
    moments = cv2.moments(mask.astype(np.uint8), binaryImage=True)
    return np.array([moments['m10'], moments['m01']]) / max(moments['m00'], 1)
