# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Agreement of tracked masks with a truth, object by object and frame by frame."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def jaccard(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Region similarity J of the DAVIS benchmark (Perazzi et al., CVPR 2016, section 3.1).

    Args:
        predicted, truth: bool [H, W].

    Returns:
        |predicted AND truth| / |predicted OR truth| in [0, 1]; 1.0 when both are empty, 0.0 when
        only one is.

    Raises:
        ValueError: when the shapes differ.
    """
    check_same_size(predicted, truth)
    union = np.count_nonzero(predicted | truth)
    return np.count_nonzero(predicted & truth) / union if union else 1.0


def dice(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Dice coefficient (Dice, Ecology 1945), as the SurgSAM2 authors compute it.

    Args:
        predicted, truth: bool [H, W].

    Returns:
        2 |predicted AND truth| / (|predicted| + |truth|) in [0, 1]; 1.0 when both are empty, 0.0
        when only one is.

    Raises:
        ValueError: when the shapes differ.
    """
    check_same_size(predicted, truth)
    total = np.count_nonzero(predicted) + np.count_nonzero(truth)
    return 2 * np.count_nonzero(predicted & truth) / total if total else 1.0


def covered(mask: np.ndarray, other: np.ndarray) -> float:
    """Return the share of a mask that another covers, 0 to 1; 0 of an empty one.

    Args:
        mask, other: bool [H, W].

    Raises:
        ValueError: when the shapes differ.
    """
    check_same_size(mask, other)
    area = np.count_nonzero(mask)
    return np.count_nonzero(mask & other) / area if area else 0.0


def check_same_size(predicted: np.ndarray, truth: np.ndarray) -> None:
    """Raise ValueError, naming both sizes, when two masks differ in shape."""
    if predicted.shape != truth.shape:
        raise ValueError(
            f'the predicted mask is {list(predicted.shape)}, the truth {list(truth.shape)}; '
            'both must have the size of the image'
        )


def label_overlaps(
    predicted: np.ndarray, truth: np.ndarray, matches: Mapping[int, int]
) -> dict[int, float]:
    """IoU of every matched pair of values in two label images.

    Args:
        predicted: uint8 [H, W], instances as the tracker numbered them.
        truth: uint8 [H, W], object ids of the truth.
        matches: truth id -> instance.

    Returns:
        truth id -> IoU in [0, 1], as `jaccard` defines it.

    Raises:
        ValueError: when the shapes differ.
    """
    return {
        truth_id: jaccard(predicted == instance, truth == truth_id)
        for truth_id, instance in matches.items()
    }


def match_objects(predicted: np.ndarray, truth: np.ndarray) -> dict[int, int]:
    """Pair truth ids with instances one to one by overlap, the largest IoU first.

    For results whose objects were not prompted from the truth and hence bear other names.

    Args:
        predicted: uint8 [H, W], 0 = background.
        truth: uint8 [H, W], 0 = background, 255 = ignored.

    Returns:
        truth id -> instance; without the ids that overlap no free instance.
    """
    pairs = [
        (jaccard(predicted == instance, truth == truth_id), truth_id, instance)
        for truth_id in map(int, np.unique(truth))
        for instance in map(int, np.unique(predicted))
        if 0 < truth_id < 255 and instance > 0
    ]
    matches: dict[int, int] = {}
    for overlap, truth_id, instance in sorted(pairs, key=lambda pair: (-pair[0], pair[1:])):
        if overlap > 0 and truth_id not in matches and instance not in matches.values():
            matches[truth_id] = instance
    return matches
