# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Scores folders of predicted label images against folders of truths, by a named protocol.

- `davis`: the frames of the truth, each of which must be predicted, and the objects that they show.
  J and F as in DAVIS (Perazzi et al., CVPR 2016; Pont-Tuset et al., arXiv 1704.00675), counted as
  vos-benchmark does: an object counts from the first frame in which truth or prediction shows it.
- `endo_sav`: the evaluator of the SurgSAM2 authors. Of each predicted object, the frames that were
  predicted and are in the truth, without the first (where it was prompted) and the last; counted
  likewise.
- `isinet`: counted as by `davis`; besides, the overlaps of ISINet, of classes. Values are classes,
  or objects whose classes are named, see `class_numbers`.

An object's score is the mean over its frames, that of a video or of all the mean over its objects.
In a cross validation each fold is scored as if there were no other; then the mean is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from surgsam2_ros.datasets.prepared_labels import GUESSED, guessed_videos
from surgsam2_ros.evaluation.class_numbers import (
    ClassNumbers,
    classes_by_name,
    classes_by_value,
    find_classes,
)
from surgsam2_ros.evaluation.measures import FRAME_MEASURES, measure_frame, with_mean
from surgsam2_ros.evaluation.metrics.isinet import ClassOverlaps, instance_ciou
from surgsam2_ros.evaluation.scoring_plans import (
    OBJECTS,
    PROTOCOLS,
    ScoringPlan,
    plan_scoring,
)
from surgsam2_ros.sources import SourceError

Progress = Callable[[int, int, str], None]


def score_folders(
    truth: str | Path,
    predictions: str | Path | Sequence[str | Path],
    protocol: str,
    *,
    skip_ends: bool | None = None,
    objects: Collection[int] = OBJECTS,
    classes: Collection[int] | str | Path | None = None,
    folds: Sequence[Collection[str]] = (),
    frames: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score a folder of predictions; the module says what the protocols count.

    Args:
        truth: folder of label images, see `label_folders`.
        predictions: the same, or one image per object; an output of `surgsam2 evaluate` is read
            as it is (DIR/node for the results of the node). Several folders have different videos.
        protocol: of PROTOCOLS.
        skip_ends: leave out the first and the last frame; None: as the protocol does, which is to
            leave them out for endo_sav alone.
        objects: ids that count; others are taken for background.
        classes: for isinet, the values that are classes, or a classes.json with the classes of
            objects; None: as `class_numbers.find_classes` does.
        folds: names of the videos of each fold of a cross validation; other videos do not count.
        frames: of every video only those of a lower number count, which ends its name; None: all.
        progress: called with the frames done, all frames, and the name of the video.

    Returns:
        JSON-ready dict, all scores in [0, 1] or None where nothing counts: 'J', 'F', 'J&F', 'Dice';
        'ciou', the instance-level CIoU of the SurgSAM2 paper (mean over all frames of the mean J of
        the objects that the truth shows); for isinet 'challenge_iou', 'iou', 'miou', 'mciou' and
        'classes', by name; 'videos': name -> the same with numbers of 'objects' and 'frames';
        'objects': video -> object -> J, F, J&F, Dice and 'frames'; 'folds', where there are any: a
        list of the same with 'videos', and 'mean_of_folds'; 'protocol', 'skip_ends',
        'classes_file' (None: values are classes) and 'warnings'.

    Raises:
        SourceError: naming a folder or image that is missing, damaged or of another size, or an
            object without a class.
        ValueError: for an unknown protocol.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol '{protocol}' is unknown; use one of {', '.join(PROTOCOLS)}")
    skip_ends = protocol == 'endo_sav' if skip_ends is None else skip_ends
    numbers = ClassNumbers()
    if protocol == 'isinet':
        numbers = _class_numbers(Path(truth), classes)
        if numbers.file is None:
            objects = set(objects) & set(numbers.names)
    several = [predictions] if isinstance(predictions, (str, Path)) else predictions
    warnings: list[str] = []
    plans = plan_scoring(
        Path(truth),
        [Path(folder) for folder in several],
        protocol,
        skip_ends=skip_ends,
        objects=objects,
        only=[name for fold in folds for name in fold],
        frames=frames,
        warnings=warnings,
    )
    guessed = guessed_videos(Path(truth))
    warnings += [f'{p.truth.name}: {GUESSED}' for p in plans if p.truth.name in guessed]
    tables = [numbers.table(plan.truth.name, plan.stems_of, objects) for plan in plans]
    videos = {video.name: video for video in _score_plans(plans, numbers.names, tables, progress)}
    for name, video in videos.items():
        for value in video.drop_unseen():
            shown = 'no scored frame of the truth has it'
            warnings.append(f'{name}: object {value} does not count, since {shown}')
    names = numbers.names
    of_folds = [_scores([videos[n] for n in fold if n in videos], names) for fold in folds]
    return {
        'protocol': protocol,
        'skip_ends': skip_ends,
        'classes_file': None if numbers.file is None else str(numbers.file),
        **_scores(videos.values(), names),
        'videos': {n: {**_scores([video], names), **video.size()} for n, video in videos.items()},
        'objects': {
            name: {
                str(value): {**_means([entry]), 'frames': len(entry.stems)}
                for value, entry in video.objects.items()
            }
            for name, video in videos.items()
        },
        **(_cross_validation(folds, of_folds) if folds else {}),
        'warnings': warnings,
    }


def _class_numbers(truth: Path, classes: Collection[int] | str | Path | None) -> ClassNumbers:
    if classes is None:
        return find_classes(truth)
    if isinstance(classes, (str, Path)):
        return classes_by_name(Path(classes))
    return classes_by_value(classes)


def _cross_validation(
    folds: Sequence[Collection[str]], scores: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return the scores of the folds, and their means; None where a fold has no score."""
    names = [name for name in scores[0] if name != 'classes']
    return {
        'folds': [{'videos': list(f), **entry} for f, entry in zip(folds, scores, strict=True)],
        'mean_of_folds': {
            name: None if None in values else float(np.mean(values))
            for name in names
            for values in [[entry[name] for entry in scores]]
        },
    }


@dataclass
class _ObjectScores:
    """The measures of an object by frame, and whether the truth shows it there."""

    frames: list[dict[str, float]] = field(default_factory=list)
    stems: list[str] = field(default_factory=list)
    shown: list[bool] = field(default_factory=list)

    def mean(self, measure: str) -> float:
        """Average a measure, by its field, over the frames."""
        return float(np.mean([frame[measure] for frame in self.frames]))

    def add(self, stem: str, truth: np.ndarray, predicted: np.ndarray) -> None:
        """Score a frame; those before the object is first seen do not count."""
        shown = bool(truth.any())
        if not self.stems and not shown and not predicted.any():
            return
        self.frames.append(measure_frame(predicted, truth))
        self.stems.append(stem)
        self.shown.append(shown)


@dataclass
class _VideoScores:
    """What was found in a video: its objects, and its classes where these are compared."""

    name: str
    objects: dict[int, _ObjectScores]
    classes: ClassOverlaps

    def drop_unseen(self) -> list[int]:
        """Drop the objects that no scored frame of the truth shows, and return them."""
        unseen = [value for value, entry in self.objects.items() if not any(entry.shown)]
        for value in unseen:
            del self.objects[value]
        return unseen

    def size(self) -> dict[str, int]:
        return {
            'objects': len(self.objects),
            'frames': len(set().union(*(entry.stems for entry in self.objects.values()))),
        }


def _score_plans(
    plans: Sequence[ScoringPlan],
    classes: Collection[int],
    tables: Sequence[np.ndarray],
    progress: Progress | None,
) -> Iterable[_VideoScores]:
    """Score the videos one after the other; `tables` has the class of each value in each."""
    total, done = sum(len(plan.frames) for plan in plans), 0
    for plan, table in zip(plans, tables, strict=True):
        name = plan.truth.name
        objects = {value: _ObjectScores() for value in plan.stems_of}
        video = _VideoScores(name, objects, ClassOverlaps(classes))
        to_score = {value: set(stems) for value, stems in plan.stems_of.items()}
        for stem in plan.frames:
            truth = plan.truth.labels(stem)
            here = {value: entry for value, entry in objects.items() if stem in to_score[value]}
            _score_objects(plan, stem, truth, here)
            if classes:
                predicted = plan.predicted.labels(stem)
                predicted = np.zeros_like(truth) if predicted is None else predicted
                _check_size(plan, stem, truth, predicted)
                video.classes.add(table[truth], table[predicted])
            done += 1
            if progress is not None:
                progress(done, total, name)
        yield video


def _score_objects(
    plan: ScoringPlan, stem: str, truth: np.ndarray, entries: dict[int, _ObjectScores]
) -> None:
    """Score the objects of a frame."""
    shared = None if plan.predicted.objects else plan.predicted.labels(stem)
    for value, entry in entries.items():
        mask = plan.predicted.mask(value, stem) if shared is None else shared == value
        mask = np.zeros(truth.shape, bool) if mask is None else mask
        _check_size(plan, stem, truth, mask, value)
        entry.add(stem, truth == value, mask)


def _check_size(
    plan: ScoringPlan, stem: str, truth: np.ndarray, predicted: np.ndarray, value: int | None = None
) -> None:
    if truth.shape != predicted.shape:
        (height, width), (true_height, true_width) = predicted.shape, truth.shape
        raise SourceError(
            f'{plan.predicted.where(stem, value)} is {width}x{height}, the truth '
            f'{plan.truth.where(stem)} {true_width}x{true_height}; both must have one size'
        )


def _scores(videos: Iterable[_VideoScores], names: Mapping[int, str]) -> dict[str, Any]:
    """Score some videos together; classes, where these are compared, get their names."""
    videos = list(videos)
    objects = [entry for video in videos for entry in video.objects.values()]
    terms = [term for video in videos for term in _frame_ciou(video.objects.values())]
    scores = {**_means(objects), 'ciou': _mean(terms)}
    if names:
        classes = ClassOverlaps(names)
        for video in videos:
            classes.extend(video.classes)
        scores |= classes.scores()
        scores['classes'] = {names[number]: mean for number, mean in scores['classes'].items()}
    return scores


def _means(objects: list[_ObjectScores]) -> dict[str, float | None]:
    """Mean over the objects of their means over frames."""
    return with_mean(
        {measure.key: _mean([o.mean(measure.field) for o in objects]) for measure in FRAME_MEASURES}
    )


def _frame_ciou(objects: Iterable[_ObjectScores]) -> list[float]:
    return instance_ciou(
        {
            stem: frame['iou']
            for stem, frame, shown in zip(entry.stems, entry.frames, entry.shown, strict=True)
            if shown
        }
        for entry in objects
    )


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
