# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Says which of the objects that a node found by itself is which of the truth's.

The evaluation pairs them by scipy's assignment (`evaluation.metrics.discovery.best_pairs`); the
demo does without scipy.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from surgsam2_ros.nodes.replay.bag_replay import ScheduledPrompts


def overlaps_of(
    frames: Iterable[tuple[np.ndarray, Sequence[tuple[str, np.ndarray]]]],
) -> Counter[tuple[str, int]]:
    """Count the pixels that an object and a value of the truth share in all images.

    Args:
        frames: the truth, uint8 [H, W], and (object_id, mask), bool [H, W], of each object.

    Returns:
        number of pixels by (object_id, value); values 0 and 255 are none.
    """
    shared: Counter[tuple[str, int]] = Counter()
    for truth, objects in frames:
        for object_id, mask in objects:
            counts = np.bincount(truth[mask], minlength=256)
            shared.update({(object_id, int(v)): int(counts[v]) for v in _present(counts)})
    return shared


def _present(counts: np.ndarray) -> np.ndarray:
    return np.flatnonzero(counts[1:255]) + 1


def name_found(
    wanted: Sequence[ScheduledPrompts], shared: Counter[tuple[str, int]]
) -> list[ScheduledPrompts]:
    """Give what was to be found the id of the object that covered most of it, each id once.

    What no object covered keeps its name, under which nothing was tracked: it counts as missed.

    Args:
        wanted: a prompt for each value of the truth, in the first image that shows it.
        shared: see `overlaps_of`.
    """
    names: dict[int, str] = {}
    for (object_id, value), _ in shared.most_common():
        if value not in names and object_id not in names.values():
            names[value] = object_id
    return [
        dataclasses.replace(
            due,
            prompts=tuple(
                dataclasses.replace(prompt, object_id=names.get(prompt.label, prompt.object_id))
                for prompt in due.prompts
            ),
        )
        for due in wanted
    ]
