# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Scores folders of predicted label images against folders of truths, by a named protocol.

- `davis`: the frames of the truth, each of which must be predicted, and the objects that they show.
  J and F as in DAVIS (Perazzi et al., CVPR 2016; Pont-Tuset et al., arXiv 1704.00675), counted as
  vos-benchmark does: an object counts from the first frame in which truth or prediction shows it.
- `endo_sav`: the evaluator of the SurgSAM2 authors. Of each predicted object, the frames that were
  predicted and are in the truth, without the first (where it was prompted) and the last; counted
  likewise.
- `isinet`: values are classes, counted as by `davis`; besides, the overlaps of ISINet.

An object's score is the mean over its frames, that of a video or of all the mean over its objects.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from surgsam2_ros.evaluation.metrics.boundary import boundary_f_measure
from surgsam2_ros.evaluation.metrics.isinet import CLASSES, ClassOverlaps, instance_ciou
from surgsam2_ros.evaluation.metrics.overlap import dice, jaccard
from surgsam2_ros.evaluation.scoring_plans import PROTOCOLS, ScoringPlan, plan_scoring
from surgsam2_ros.sources import SourceError

MEASURES = ('J', 'F', 'J&F', 'Dice')
CLASS_MEASURES = ('challenge_iou', 'iou', 'miou', 'mciou')
Progress = Callable[[int, int, str], None]


def score_folders(
    truth: str | Path,
    predictions: str | Path,
    protocol: str,
    *,
    skip_ends: bool | None = None,
    classes: Collection[int] = CLASSES,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score a folder of predictions; the module says what the protocols count.

    Args:
        truth: folder of label images, see `label_folders`.
        predictions: the same, or one image per object; an output of `surgsam2 evaluate` is read
            as it is (DIR/node for the results of the node).
        protocol: of PROTOCOLS.
        skip_ends: leave out the first and the last frame; None: as the protocol does, which is to
            leave them out for endo_sav alone.
        classes: values that count for isinet.
        progress: called with the frames done, all frames, and the name of the video.

    Returns:
        JSON-ready dict, all scores in [0, 1] or None where nothing counts: 'J', 'F', 'J&F', 'Dice';
        'ciou', the instance-level CIoU of the SurgSAM2 paper (mean over all frames of the mean J of
        the objects that the truth shows); for isinet 'challenge_iou', 'iou', 'miou', 'mciou' and
        'classes'; 'videos': name -> the same with numbers of 'objects' and 'frames'; 'objects':
        video -> object -> J, F, J&F, Dice and 'frames'; 'protocol', 'skip_ends' and 'warnings'.

    Raises:
        SourceError: naming a folder or image that is missing, damaged or of another size.
        ValueError: for an unknown protocol.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol '{protocol}' is unknown; use one of {', '.join(PROTOCOLS)}")
    skip_ends = protocol == 'endo_sav' if skip_ends is None else skip_ends
    warnings: list[str] = []
    plans = plan_scoring(
        Path(truth),
        Path(predictions),
        protocol,
        skip_ends=skip_ends,
        classes=classes,
        warnings=warnings,
    )
    names = [plan.truth.name for plan in plans]
    results = list(_score_plans(plans, progress))
    for name, scores in zip(names, results, strict=True):
        for value in [value for value, entry in scores.items() if not any(entry.shown)]:
            del scores[value]
            warnings.append(
                f'{name}: object {value} does not count, since no scored frame of the truth has it'
            )
    of_classes, of_all = _score_classes(plans, classes) if protocol == 'isinet' else ({}, {})
    every = [entry for scores in results for entry in scores.values()]
    frames = [value for scores in results for value in _frame_ciou(scores.values())]
    return {
        'protocol': protocol,
        'skip_ends': skip_ends,
        **_means(every),
        'ciou': _mean(frames),
        **of_all,
        'videos': {
            name: {**_video_scores(scores), **of_classes.get(name, {})}
            for name, scores in zip(names, results, strict=True)
        },
        'objects': {
            name: {
                str(value): {**_means([entry]), 'frames': len(entry.stems)}
                for value, entry in scores.items()
            }
            for name, scores in zip(names, results, strict=True)
        },
        'warnings': warnings,
    }


@dataclass
class _ObjectScores:
    """J, F and Dice of an object by frame, and whether the truth shows it there."""

    iou: list[float] = field(default_factory=list)
    boundary: list[float] = field(default_factory=list)
    dice: list[float] = field(default_factory=list)
    stems: list[str] = field(default_factory=list)
    shown: list[bool] = field(default_factory=list)

    def add(self, stem: str, truth: np.ndarray, predicted: np.ndarray) -> None:
        """Score a frame; those before the object is first seen do not count."""
        shown = bool(truth.any())
        if not self.stems and not shown and not predicted.any():
            return
        self.iou.append(jaccard(predicted, truth))
        self.boundary.append(boundary_f_measure(predicted, truth))
        self.dice.append(dice(predicted, truth))
        self.stems.append(stem)
        self.shown.append(shown)


def _score_plans(
    plans: list[ScoringPlan], progress: Progress | None
) -> Iterable[dict[int, _ObjectScores]]:
    """Yield the scores of each video's objects."""
    total, done = sum(len(plan.stems) for plan in plans), 0
    for plan in plans:
        scores = {value: _ObjectScores() for value in plan.stems_of}
        to_score = {value: set(stems) for value, stems in plan.stems_of.items()}
        for stem in plan.stems:
            truth = plan.truth.labels(stem)
            shared = None if plan.predicted.objects else plan.predicted.labels(stem)
            for value, entry in scores.items():
                if stem not in to_score[value]:
                    continue
                mask = plan.predicted.mask(value, stem) if shared is None else shared == value
                mask = np.zeros(truth.shape, bool) if mask is None else mask
                _check_size(plan, stem, truth, mask, value)
                entry.add(stem, truth == value, mask)
            done += 1
            if progress is not None:
                progress(done, total, plan.truth.name)
        yield scores


def _score_classes(
    plans: list[ScoringPlan], classes: Collection[int]
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Compare the label images as class maps; returns the scores by video, and of all."""
    of_all, by_video = ClassOverlaps(classes), {}
    for plan in plans:
        of_video = ClassOverlaps(classes)
        for stem in plan.frames:
            truth, predicted = plan.truth.labels(stem), plan.predicted.labels(stem)
            predicted = np.zeros_like(truth) if predicted is None else predicted
            _check_size(plan, stem, truth, predicted)
            of_video.add(truth, predicted)
            of_all.add(truth, predicted)
        by_video[plan.truth.name] = _as_json(of_video.scores())
    return by_video, _as_json(of_all.scores())


def _check_size(
    plan: ScoringPlan, stem: str, truth: np.ndarray, predicted: np.ndarray, value: int | None = None
) -> None:
    if truth.shape != predicted.shape:
        (height, width), (true_height, true_width) = predicted.shape, truth.shape
        raise SourceError(
            f'{plan.predicted.where(stem, value)} is {width}x{height}, the truth '
            f'{plan.truth.where(stem)} {true_width}x{true_height}; both must have one size'
        )


def _video_scores(scores: dict[int, _ObjectScores]) -> dict[str, Any]:
    return {
        **_means(list(scores.values())),
        'ciou': _mean(_frame_ciou(scores.values())),
        'objects': len(scores),
        'frames': len(set().union(*(entry.stems for entry in scores.values()))),
    }


def _means(objects: list[_ObjectScores]) -> dict[str, float | None]:
    """Mean over the objects of their means over frames."""
    overlap = _mean([float(np.mean(entry.iou)) for entry in objects])
    boundary = _mean([float(np.mean(entry.boundary)) for entry in objects])
    both = None if overlap is None else (overlap + boundary) / 2
    return {
        'J': overlap,
        'F': boundary,
        'J&F': both,
        'Dice': _mean([float(np.mean(entry.dice)) for entry in objects]),
    }


def _frame_ciou(objects: Iterable[_ObjectScores]) -> list[float]:
    return instance_ciou(
        {
            stem: overlap
            for stem, overlap, shown in zip(entry.stems, entry.iou, entry.shown, strict=True)
            if shown
        }
        for entry in objects
    )


def _as_json(scores: dict[str, Any]) -> dict[str, Any]:
    return {**scores, 'classes': {str(value): mean for value, mean in scores['classes'].items()}}


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
