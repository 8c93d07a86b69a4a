# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Puts together the record of a video that went through the tracker or the node."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from surgsam2_ros.evaluation.metrics.identity import (
    Counts,
    MissingTrackEvalError,
    identity_counts,
    pooled_identity,
)
from surgsam2_ros.evaluation.records import VideoRecord
from surgsam2_ros.evaluation.runs.frame_scores import FrameScores
from surgsam2_ros.evaluation.runs.label_writer import ALL
from surgsam2_ros.evaluation.runs.video import EvaluationVideo
from surgsam2_ros.sources import read_label_png


def record_of(
    video: EvaluationVideo,
    through: str,
    scores: FrameScores,
    predictions: Path,
    *,
    warnings: Sequence[str] = (),
    **values: Any,
) -> VideoRecord:
    """Make the record of an evaluated video, with how well its identities were kept.

    Args:
        video: with its truth.
        through: 'tracker', 'node' or the name of a baseline.
        scores: of all its frames.
        predictions: folder that `LabelWriter` filled.
        warnings: besides those of the video and of the scores.
        values: further fields of the record.
    """
    counts = _count_identities(video, predictions, list(scores.objects))
    return VideoRecord(
        video=video.name,
        through=through,
        warnings=[*video.warnings, *scores.warnings(), *warnings],
        images=str(video.images.resolve()),
        image_topic=video.image_topic,
        size=video.size,
        stems=list(video.stems),
        stamps_ns=None if video.stamps_ns is None else list(video.stamps_ns),
        objects=scores.records,
        identity_counts=dict(counts),
        identity=pooled_identity([counts]),
        **values,
    )


def _count_identities(video: EvaluationVideo, predictions: Path, objects: Sequence[int]) -> Counts:
    """Count how the evaluated objects match in the frames that have a truth and a result.

    Label images are read one at a time, so that a long video does not fill the memory. Without
    TrackEval nothing is counted.
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
