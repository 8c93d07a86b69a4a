# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Finds the videos of an evaluation: data sets of the VOS layout, the authors' tree, bags.

    ROOT/JPEGImages/<video>, ROOT/Annotations/<video>      a data set; ROOT/VOS/Annotations_vos_…
                                                           holds the prompts, where it is there
    recording/, recording.mcap, recording.db3              a bag
    folder of bags, at any depth                           each of them
    folder of images                                       one video; the truth is a folder too

Files are looked for, not read: a video is opened when its turn comes, and a bad one fails alone.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from surgsam2_ros.datasets.prepared_labels import GUESSED, guessed_videos
from surgsam2_ros.datasets.vos_folder import IMAGE_SUFFIXES, read_classes
from surgsam2_ros.evaluation.records import RunRecord
from surgsam2_ros.evaluation.runs.bag_video import BagVideo
from surgsam2_ros.evaluation.runs.folder_video import FolderVideo
from surgsam2_ros.evaluation.runs.label_writer import RESERVED
from surgsam2_ros.evaluation.runs.stamp_matching import DEFAULT_TOLERANCE_MS
from surgsam2_ros.evaluation.runs.video import EvaluationVideo
from surgsam2_ros.sources import SourceError
from surgsam2_ros.sources.bag_files import BAG_SUFFIXES, is_bag
from surgsam2_ros.sources.image_folder import natural_key

IMAGES, ANNOTATIONS = 'JPEGImages', 'Annotations'
PROMPTS = 'VOS/Annotations_vos_instrument'
"""Where the authors' VOS-Endovis18 tree holds the first mask of every object."""

__all__ = ['EvaluationVideo', 'open_videos', 'videos_of_run']

_SPLIT_FILE = re.compile(r'(.+)_\d+')


def open_videos(
    inputs: str | Path | Sequence[str | Path],
    truth: str | Path | None = None,
    *,
    image_topic: str | None = None,
    truth_topic: str | None = None,
    tolerance_ms: float = DEFAULT_TOLERANCE_MS,
    only: Sequence[str] = (),
) -> list[EvaluationVideo]:
    """Find the videos of one or several inputs; none of them is opened yet.

    Args:
        inputs: as this module describes.
        truth: folder with a folder of label images per video (or, for a single video, the label
            images themselves). By default data sets have their own, and bags a truth topic. For
            bags also a bag, or a folder of bags of the same names, with the truth topic.
        image_topic, truth_topic: of bags; the first may be left out where a bag has one.
        tolerance_ms: most that the stamps of an image and its label image may differ.
        only: names of the videos wanted; all when empty.

    Returns:
        The videos in natural order of their names within each input; names are unique.

    Raises:
        SourceError: when an input or the truth is not there, or holds no video.

    Example:
        for video in open_videos('endovis18/valid'):
            with video:
                print(video.name, len(video), video.image(0).shape)
    """
    if not 0 <= tolerance_ms < math.inf:
        raise SourceError(f'a tolerance of {tolerance_ms} ms is impossible; give 0 or more')
    paths = [inputs] if isinstance(inputs, (str, Path)) else list(inputs)
    truth = None if truth is None else Path(truth)
    if truth is not None and not truth.exists():
        raise SourceError(
            f'the truth {truth} does not exist; give a folder of label images, or name a topic of '
            'the bag with --truth-topic'
        )
    topics = {'image_topic': image_topic, 'truth_topic': truth_topic}
    topics['tolerance_ns'] = round(tolerance_ms * 1e6)
    videos = [video for path in paths for video in _videos_of(Path(path), truth, topics)]
    if len(videos) == 1 and truth is not None:
        _take_truth_itself(videos[0], truth)
    _tell_apart(videos)
    return _choose(videos, only)


def videos_of_run(run: RunRecord) -> dict[str, EvaluationVideo]:
    """Return the videos of a finished run by name, for reports that show images and truth.

    Raises:
        SourceError: when the inputs of the run are not where they were.
    """
    settings = run.settings
    videos = open_videos(
        settings['input'],
        settings.get('truth'),
        image_topic=settings.get('image_topic'),
        truth_topic=settings.get('truth_topic'),
        tolerance_ms=settings.get('tolerance_ms', DEFAULT_TOLERANCE_MS),
    )
    return {video.name: video for video in videos if video.name in run.videos}


def _videos_of(path: Path, truth: Path | None, topics: dict) -> Iterator[EvaluationVideo]:
    if not path.exists():
        raise SourceError(f'{path} does not exist; give a data set, a bag or a folder of bags')
    if path.is_dir() and (root := _data_set_root(path)) is not None:
        yield from _data_set(root, truth)
    elif bags := list(_find_bags(path)):
        for name, bag in bags:
            yield BagVideo(name, bag, truth=_truth_of(name, truth), **topics)
    elif path.is_dir() and _holds_images(path):
        if truth is None:
            raise SourceError(f'{path} holds images without a truth; give --truth FOLDER')
        yield FolderVideo(path.resolve().name, path, _truth_of(path.resolve().name, truth))
    else:
        raise SourceError(
            f'{path} holds nothing to evaluate: neither {IMAGES}/<video>/ with images, nor bags '
            f'({", ".join(BAG_SUFFIXES)}), nor images{_describe_splits(path)}'
        )


def _data_set_root(path: Path) -> Path | None:
    """Return the folder that holds JPEGImages: the one given, or its split valid."""
    return next((root for root in (path, path / 'valid') if (root / IMAGES).is_dir()), None)


def _data_set(root: Path, truth: Path | None) -> Iterator[EvaluationVideo]:
    if truth is None:
        labels = root / ANNOTATIONS
    else:
        labels = truth / ANNOTATIONS if (truth / ANNOTATIONS).is_dir() else truth
    prompts = root / PROMPTS if truth is None and (root / PROMPTS).is_dir() else None
    classes, guessed = read_classes(root), guessed_videos(labels)
    folders = [entry for entry in (root / IMAGES).iterdir() if entry.is_dir()]
    folders = [folder for folder in folders if not folder.name.startswith('.')]
    if not folders:
        raise SourceError(f'{root / IMAGES} holds no videos; each is a folder of images')
    for folder in sorted(folders, key=lambda folder: natural_key(folder.name)):
        yield FolderVideo(
            folder.name,
            folder,
            labels / folder.name,
            prompts=None if prompts is None else prompts / folder.name,
            names=classes.get(None, {}) | classes.get(folder.name, {}),
            note=GUESSED if folder.name in guessed else None,
        )


def _find_bags(path: Path) -> Iterator[tuple[str, Path]]:
    """Yield (name, bag) of a bag, or of a folder of bags at any depth; outputs of runs hold none.

    A run through the node that was cut off leaves a bag of results in its output.
    """
    if _is_one_bag(path):
        yield _bag_name(path) if path.is_file() else path.resolve().name, path
        return
    if path.is_file() or (path / 'run.json').exists():
        return
    entries = sorted(path.iterdir(), key=lambda entry: natural_key(entry.name))
    for entry in entries:
        if not entry.name.startswith('.'):
            yield from _find_bags(entry)


def _is_one_bag(path: Path) -> bool:
    """Tell whether a path is a recording itself, and no folder of recordings."""
    if path.is_file():
        return is_bag(path)
    return (path / 'metadata.yaml').exists() or _is_split_bag(path)


def _is_split_bag(folder: Path) -> bool:
    """Tell whether the storage files of a folder without metadata are parts of one recording.

    A recording names its files after its folder and numbers them: case/case_0.mcap.
    """
    files = [entry for entry in folder.iterdir() if entry.is_file() and is_bag(entry)]
    matches = [_SPLIT_FILE.fullmatch(_bag_name(file)) for file in files]
    name = folder.resolve().name
    return bool(files) and all(match is not None and match[1] == name for match in matches)


def _bag_name(file: Path) -> str:
    return Path(file.name.removesuffix('.zstd')).stem


def _truth_of(name: str, truth: Path | None) -> Path | None:
    """Return the truth of one of several videos: what bears its name below the truth folder."""
    if truth is None or _is_one_bag(truth):
        return truth
    named = [truth / name, *(truth / f'{name}{suffix}' for suffix in BAG_SUFFIXES)]
    return next((path for path in named if path.exists()), truth / name)


def _take_truth_itself(video: EvaluationVideo, truth: Path) -> None:
    """Let a single video have the truth folder itself, where that has no folder of its name."""
    if isinstance(video, FolderVideo) and not video.truth_folder.exists():
        video.truth_folder = truth
    elif isinstance(video, BagVideo) and not video.truth_path.exists():
        video.truth_path = truth


def _tell_apart(videos: list[EvaluationVideo]) -> None:
    """Put the names of folders before names that are taken, as many as it takes.

    They are taken when several videos share them, or when a folder of the output is called so.
    """
    depth = max((len(video.images.resolve().parts) for video in videos), default=0)
    for level in range(1, depth):
        counts = Counter(video.name for video in videos)
        for video in videos:
            if counts[video.name] > 1 or video.name in RESERVED:
                folder = video.images.resolve().parents[level - 1].name
                video.name = f'{folder}_{video.name}'
    taken: dict[str, Path] = {}
    for video in videos:
        if video.name in taken:
            raise SourceError(
                f'{taken[video.name]} and {video.images} would both be called {video.name}; '
                'give each input once'
            )
        taken[video.name] = video.images


def _choose(videos: list[EvaluationVideo], only: Sequence[str]) -> list[EvaluationVideo]:
    names = [video.name for video in videos]
    unknown = [name for name in only if name not in names]
    if unknown:
        raise SourceError(f"there is no video '{unknown[0]}'; there are {', '.join(names)}")
    return [video for video in videos if not only or video.name in only]


def _holds_images(folder: Path) -> bool:
    return any(entry.suffix.lower() in IMAGE_SUFFIXES for entry in folder.iterdir())


def _describe_splits(path: Path) -> str:
    if not path.is_dir():
        return ''
    splits = sorted(entry.name for entry in path.iterdir() if (entry / IMAGES).is_dir())
    return f'; it holds the splits {", ".join(splits)}, name one of them' if splits else ''
