# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which frames of which objects a protocol scores, and what must be there for it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from surgsam2_ros.evaluation.label_folders import LabelVideo, is_single_video, list_videos
from surgsam2_ros.sources import SourceError

PROTOCOLS = ('davis', 'endo_sav', 'isinet')
OBJECTS = range(1, 256)
"""All that can be an object; what else 255 may mean is for `label_folders` to say."""
FOLDS = {
    'endovis17': (
        ('seq_1', 'seq_3'),
        ('seq_2', 'seq_5'),
        ('seq_4', 'seq_8'),
        ('seq_6', 'seq_7'),
    )
}
"""Videos that are validated together in a cross validation: those of ISINet on EndoVis 2017."""
FOLD_FRAMES = {'endovis17': 225}
"""How many frames of each video these folds have: those that the challenge labelled for training.

What `surgsam2 dataset prepare` writes goes on with the 75 frames of the test.
"""


@dataclass(frozen=True)
class ScoringPlan:
    """What to score of one video.

    Attributes:
        truth, predicted: label images; a frame that has none in `predicted` shows nothing.
        stems_of: object id -> frames to score, sorted.
        frames: all frames that are scored, sorted.
    """

    truth: LabelVideo
    predicted: LabelVideo
    stems_of: dict[int, Sequence[str]]
    frames: Sequence[str]


def plan_scoring(
    truth: Path,
    predictions: Sequence[Path],
    protocol: str,
    *,
    skip_ends: bool,
    objects: Collection[int],
    only: Collection[str],
    frames: int | None,
    warnings: list[str],
) -> list[ScoringPlan]:
    """Find the videos of both folders, and what to score of each.

    Args:
        truth: see `label_folders`.
        predictions: the same; several folders have different videos.
        protocol: of PROTOCOLS.
        skip_ends: leave out the first and the last frame.
        objects: ids that count.
        only: names of the videos that count; all when empty.
        frames: only frames of a lower number count; None: all.
        warnings: gets what does not count.

    Raises:
        SourceError: naming what is missing or damaged.
    """
    pairs = _pair_videos(truth, predictions, protocol, only, warnings)
    for video, _ in pairs if frames is not None else ():
        video.files = {stem: f for stem, f in video.files.items() if _number(stem, f) < frames}
    plan = _plan_by_prediction if protocol == 'endo_sav' else _plan_by_truth
    return [plan(*pair, skip_ends, objects, warnings) for pair in pairs]


def _pair_videos(
    truth: Path,
    predictions: Sequence[Path],
    protocol: str,
    only: Collection[str],
    warnings: list[str],
) -> list[tuple[LabelVideo, LabelVideo]]:
    """Pair the videos by name; like the authors' evaluator, endo_sav takes those that are there."""
    true_videos = list_videos(truth)
    for video in true_videos.values():
        if video.objects:
            raise SourceError(f'{video.folder} has one image per object; a truth has one for all')
    if is_single_video(truth) and len(predictions) == 1 and not only:
        [predicted] = list_videos(predictions[0], single=True).values()
        return [(*true_videos.values(), predicted)]
    predicted_videos = _list_predictions(predictions)
    if unknown := sorted(set(only) - set(true_videos)):
        raise SourceError(f'{truth} has no video {unknown[0]}, but {_some(list(true_videos))}')
    wanted = {name: video for name, video in true_videos.items() if not only or name in only}
    missing = [name for name in wanted if name not in predicted_videos]
    folders = ', '.join(map(str, predictions))
    if missing and (protocol != 'endo_sav' or len(missing) == len(wanted)):
        raise SourceError(
            f'{folders} has no predictions of {_some(missing)}, but of '
            f'{_some(list(predicted_videos))}; predict them, or leave them out of {truth}'
        )
    warnings += [f'{name} is not predicted and does not count' for name in missing]
    extra = [name for name in predicted_videos if name not in true_videos]
    warnings += [f'{name} is predicted, but not in the truth' for name in extra]
    return [(v, predicted_videos[name]) for name, v in wanted.items() if name not in missing]


def _number(stem: str, file: Path) -> int:
    """Return the number of a frame, counted from 0, at the end of its name."""
    match = re.search(r'\d+$', stem)
    if match is None:
        raise SourceError(f'{file} has no frame number in its name, by which frames are chosen')
    return int(match[0])


def _list_predictions(folders: Sequence[Path]) -> dict[str, LabelVideo]:
    found: dict[str, LabelVideo] = {}
    for folder in folders:
        for name, video in list_videos(folder).items():
            if name in found:
                raise SourceError(
                    f'{found[name].folder} and {video.folder} both predict {name}; name one of them'
                )
            found[name] = video
    return found


def _plan_by_truth(
    truth: LabelVideo,
    predicted: LabelVideo,
    skip_ends: bool,
    objects: Collection[int],
    warnings: list[str],
) -> ScoringPlan:
    """Score the frames of the truth and the objects that they show."""
    stems = truth.stems[1:-1] if skip_ends else truth.stems
    ids = [value for value in _first_shown(truth, predicted, stems) if value in objects]
    if not predicted.objects:
        _refuse_missing([s for s in stems if s not in predicted.files], predicted.folder)
    for value in ids if predicted.objects else ():
        files = predicted.objects.get(value)
        if files is None:
            warnings.append(f'{truth.name}: object {value} is not predicted and counts as absent')
        else:  # an object's images begin where it was prompted
            first = min(files)
            missing = [stem for stem in stems if stem > first and stem not in files]
            _refuse_missing(missing, files[first].parent)
    return ScoringPlan(truth, predicted, dict.fromkeys(ids, stems), stems)


def _plan_by_prediction(
    truth: LabelVideo,
    predicted: LabelVideo,
    skip_ends: bool,
    objects: Collection[int],
    warnings: list[str],
) -> ScoringPlan:
    """Score each predicted object in the frames that were predicted of it."""
    first_shown = _first_shown(truth, predicted, truth.stems)
    common = [stem for stem in predicted.stems if stem in truth.files]
    if not common:
        raise SourceError(
            f'{predicted.folder} and {truth.folder} have no frame name in common: '
            f'{_some(predicted.stems)}, and {_some(truth.stems)}; name frames alike'
        )
    stems_of: dict[int, Sequence[str]] = {}
    if predicted.objects:
        for value, files in predicted.objects.items():
            stems_of[value] = [stem for stem in common if stem in files]
    else:  # one image for all: as if each were predicted from its first frame of truth on
        for value, first in first_shown.items():
            stems_of[value] = [stem for stem in common if stem >= first]
    stems_of = {value: stems for value, stems in stems_of.items() if value in objects}
    for value in first_shown:
        if value in objects and value not in stems_of:
            warnings.append(f'{truth.name}: object {value} is not predicted and does not count')
    if skip_ends:
        stems_of = {value: stems[1:-1] for value, stems in stems_of.items()}
    return ScoringPlan(truth, predicted, stems_of, sorted(set().union(*stems_of.values())))


def _first_shown(truth: LabelVideo, predicted: LabelVideo, stems: Sequence[str]) -> dict[int, str]:
    """First frame of each object of the truth, after which binary predictions are named."""
    first_shown = truth.first_shown(stems)
    if not predicted.objects and predicted.binary and first_shown:
        if len(first_shown) > 1:
            raise SourceError(
                f'{predicted.folder} has binary images (0 and 255), but {truth.folder} shows the '
                f'objects {_some(list(map(str, first_shown)))}; give each object a folder of its '
                'own, or write object ids'
            )
        predicted.name_single_object(next(iter(first_shown)))
    return first_shown


def _refuse_missing(stems: Sequence[str], folder: Path) -> None:
    if stems:
        raise SourceError(
            f'{folder} has no image of {_some(stems)}, which the truth has; predict every frame, '
            'or use the protocol endo_sav, which scores those that are there'
        )


def _some(names: Sequence[str], count: int = 5) -> str:
    more = f', … ({len(names)} in all)' if len(names) > count else ''
    return ', '.join(names[:count]) + more
