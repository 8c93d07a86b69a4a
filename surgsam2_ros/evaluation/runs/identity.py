# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How well a video's identities were kept, from its truth and the label images that were written.

Label images are read one at a time, so that a long video does not fill the memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from surgsam2_ros.evaluation.metrics.identity import (
    Counts,
    MissingTrackEvalError,
    identity_counts,
)
from surgsam2_ros.evaluation.runs.video import EvaluationVideo
from surgsam2_ros.evaluation.runs.writing import ALL
from surgsam2_ros.sources import read_label_png


def count_identities(video: EvaluationVideo, predictions: Path, objects: Sequence[int]) -> Counts:
    """Count how objects match in the frames that have a truth and a result.

    Args:
        video: with its truth.
        predictions: folder that `LabelWriter` filled.
        objects: ids that were evaluated; what else the truth has is left out.

    Returns:
        As `metrics.identity.identity_counts`; empty when TrackEval is not installed.
    """
    evaluated = np.zeros(256, np.uint8)
    evaluated[list(objects)] = list(objects)
    files = [predictions / ALL / f'{stem}.png' for stem in video.stems]
    compared = [
        frame for frame, file in enumerate(files) if file.exists() and video.has_truth(frame)
    ]
    try:
        return identity_counts(
            (evaluated[video.truth(frame)] for frame in compared),
            (read_label_png(files[frame]) for frame in compared),
        )
    except MissingTrackEvalError:
        return {}
