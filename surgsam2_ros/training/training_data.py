# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Draws augmented training clips from several sources, mixed by weights.

As in the released training of SurgSAM2, a video is drawn in proportion to its length, and a clip
shows an object in its first frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from surgsam2_ros.sources import SourceError
from surgsam2_ros.training.augmentation import Augmentation, augment, resize
from surgsam2_ros.training.clip_sources import DataSource
from surgsam2_ros.training.clips import TrainingClip, make_clip, visible_objects
from surgsam2_ros.training.composed_clips import (
    ClipMaker,
    fresh_clip,
    listed_clips,
    open_maker,
)
from surgsam2_ros.training.opening import open_videos
from surgsam2_ros.training.rendered_clips import FreshClip
from surgsam2_ros.training.sampling import Sampling, choose_frames, turn_where_objects_leave
from surgsam2_ros.training.videos import Video

CONSECUTIVE, UNCHANGED = Sampling(), Augmentation()
TRIES = 20  # starts that are drawn before the one known to show an object is taken


class TrainingData:
    """Sources of clips, mixed by their weights.

    What cannot be used is found here, not while training: a source without clips is an error, and
    single videos without any are left out and named in `left_out`.

    Attributes:
        size: S of the clips.
        longest: most frames that a clip may have.
        left_out: a sentence for each video that gives no clips.
    """

    def __init__(
        self,
        sources: Sequence[DataSource],
        sampling: Sampling = CONSECUTIVE,
        augmentation: Augmentation = UNCHANGED,
        *,
        size: int,
        longest: int,
        root: Path = Path(),
        data_root: str | Path = '',
    ):
        """Open the sources and look into every video.

        Args:
            sources: at least one.
            sampling, augmentation: of all sources.
            size: side of the network's input.
            longest: most frames that will be asked for.
            root: folder that relative paths start from.
            data_root: folder that holds the folders of composed clips and stills.

        Raises:
            ValueError: when there is no source, or clips are to be kept and nothing says where.
            SourceError: naming a source or file that cannot be used, and why.
            FileNotFoundError: naming what is missing.
        """
        if not sources:
            raise ValueError('data lists no source; name at least one')
        if any(s.type == 'rendered' and s.path is None and s.num_clips > 0 for s in sources):
            raise ValueError('rendered clips that are kept need a path to keep them in')
        self.size, self.longest = size, longest
        self._sampling, self._augmentation = sampling, augmentation
        self.left_out: tuple[str, ...] = ()
        if str(data_root):
            data_root = root / Path(data_root).expanduser()
        self._mix = [self._open(source, root, data_root) for source in sources]
        weights = np.array([source.weight for source in sources])
        self._shares = weights / weights.sum()

    @property
    def samples_per_epoch(self) -> int:
        """One per frame and repetition, as in the released training.

        Raises:
            ValueError: when all is rendered while training, which has no end.
        """
        frames = sum(int(s.lengths.sum() * self._sampling.repeat) for s in self._mix if s.videos)
        if not frames:
            raise ValueError('scenes rendered while training make no epoch; give steps or minutes')
        return frames

    def draw(self, rng: np.random.Generator, frames: int) -> TrainingClip:
        """Draw an augmented clip; equal states of `rng` give equal clips.

        Args:
            rng: source of all randomness.
            frames: T, at most `longest`; 1 for an image.

        Raises:
            ValueError: when more frames are asked for.
            SourceError: naming a file that cannot be read, or whose mask is of another size.
        """
        if not 1 <= frames <= self.longest:
            raise ValueError(f'{frames} frames asked for; expected 1 to {self.longest}')
        video, start = self._mix[rng.choice(len(self._mix), p=self._shares)].draw(rng, frames)
        read = lru_cache(maxsize=None)(video.labels)  # several steps look at the same ones
        for _ in range(TRIES):
            chosen = choose_frames(len(video), frames, self._sampling, rng)
            if not self._shows_object(read(int(chosen[0]))):
                continue
            if rng.random() < self._sampling.turn:
                labels = np.stack([self._small(read(int(index))) for index in chosen])
                chosen = chosen[turn_where_objects_leave(labels)]
            clip = self._read(video, read, chosen, self._augmentation, rng)
            if clip is not None:
                return clip
        chosen = start + np.arange(frames)
        clip = self._read(video, read, chosen, self._augmentation.kept_in_view(), rng)
        if clip is None:
            raise SourceError(f'{video.where(start)} shows no object to track')
        return clip

    def evenly(self, count: int, frames: int) -> Iterator[TrainingClip]:
        """Yield the same clips every time, without augmentation: for validation.

        The stored videos are cut into stretches of `frames` frames, of which up to `count` that lie
        evenly among all are taken. A clip starts where its stretch first shows an object; stretches
        that show none give no clip.

        Raises:
            ValueError: when more than `longest` frames are asked for.
            SourceError: as `draw`.
        """
        if not 1 <= frames <= self.longest:
            raise ValueError(f'{frames} frames asked for; expected 1 to {self.longest}')
        stretches = [
            (video, first)
            for part in self._mix
            for video, start in zip(part.videos, part.starts, strict=True)
            for first in range(start, len(video) - frames + 1, frames)
        ]
        places = np.linspace(0, len(stretches) - 1, min(count, len(stretches))).round().astype(int)
        for place in map(int, places):
            video, first = stretches[place]
            last = min(first + frames, len(video) - frames + 1)
            shown = (n for n in range(first, last) if self._shows_object(video.labels(n)))
            if (start := next(shown, None)) is not None:
                chosen, rng = start + np.arange(frames), np.random.default_rng(place)
                yield self._read(video, video.labels, chosen, UNCHANGED, rng)

    def _read(
        self,
        video: Video,
        read: Callable[[int], np.ndarray],
        chosen: np.ndarray,
        augmentation: Augmentation,
        rng: np.random.Generator,
    ) -> TrainingClip | None:
        """Read and augment the chosen frames; None where no object stays in the first one."""
        wanted, places = np.unique(chosen, return_inverse=True)
        pictures, labels = self._load(video, read, wanted, keep_aspect=augmentation.moves)
        rgb, ids = augment(pictures[places], labels[places], self.size, augmentation, rng)
        return make_clip(
            rgb,
            ids,
            self._sampling.max_objects,
            rng,
            smallest=self._sampling.smallest_object,
            names=tuple(video.frame_name(int(index)) for index in chosen),
        )

    def _load(
        self,
        video: Video,
        read: Callable[[int], np.ndarray],
        wanted: np.ndarray,
        *,
        keep_aspect: bool,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read frames no larger than needed: S x S, or S on the shorter side.

        Before an affine map the aspect ratio is kept, so that squares turn as squares.
        """
        pictures, labels = [], []
        shape = read(int(wanted[0])).shape
        factor = min(1.0, self.size / min(shape))
        kept = (max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor)))
        for index in map(int, wanted):
            rgb, ids = video.image(index), read(index)
            check_sizes(video, index, rgb, ids)
            if ids.shape != shape:
                raise SourceError(
                    f'{video.where(index)} is {_measure(ids)}, {video.where(int(wanted[0]))} is '
                    f'{shape[1]}x{shape[0]}; all frames of a video must have one size'
                )
            target = kept if keep_aspect else (self.size, self.size)
            rgb, ids = resize(rgb[None], ids[None], target)
            pictures.append(rgb[0])
            labels.append(ids[0])
        return np.stack(pictures), np.stack(labels)

    def _small(self, labels: np.ndarray) -> np.ndarray:
        """Bring a label image to S x S as `augment` does."""
        size = (self.size, self.size)
        return cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)

    def _shows_object(self, labels: np.ndarray) -> bool:
        return len(visible_objects(self._small(labels), self._sampling.smallest_object)) > 0

    def _open(
        self, source: DataSource, root: Path, data_root: str | Path
    ) -> _Stored | _Fresh | _FreshComposed:
        """Open a source and keep the videos that can give a clip."""
        if source.type == 'rendered' and not source.num_clips and source.path is None:
            length = max(source.clip_length, self.longest)
            return _Fresh(length, self.size, source.object_ids, source.kinds)
        composed = source.type in ('composed', 'stills')
        if composed and not source.num_clips:
            return _FreshComposed(source, open_maker(source, data_root), self.size)
        videos, starts = [], []
        reasons = []
        listed = (
            listed_clips(source, data_root, self.size) if composed else open_videos(source, root)
        )
        for video in listed:
            if len(video) < self.longest:
                reasons.append(
                    f'{source.title}: {video.name} has {len(video)} labelled frames, clips have up '
                    f'to {self.longest}'
                )
                continue
            start = self._first_start(video)
            if start is None:
                reasons.append(
                    f'{source.title}: {video.name} shows no object'
                    f'{_of_ids(source)} early enough for a clip of {self.longest} frames'
                )
                continue
            check_sizes(video, start, video.image(start), video.labels(start))
            videos.append(video)
            starts.append(start)
        if not videos:
            raise SourceError(f'no clip can be taken from {source.title}: {"; ".join(reasons[:5])}')
        self.left_out += tuple(reasons)
        return _Stored(videos, starts)

    def _first_start(self, video: Video) -> int | None:
        """Find the first frame that can start a clip of the greatest length."""
        for index in range(len(video) - self.longest + 1):
            if self._shows_object(video.labels(index)):
                return index
        return None


class _Stored:
    """Videos that lie on disk, each with a frame from which it gives a clip."""

    def __init__(self, videos: list[Video], starts: list[int]):
        self.videos, self.starts = videos, starts
        self.lengths = np.array([len(video) for video in videos])

    def draw(self, rng: np.random.Generator, frames: int) -> tuple[Video, int]:
        """Draw a video in proportion to its length."""
        del frames
        place = int(
            np.searchsorted(self.lengths.cumsum(), rng.integers(self.lengths.sum()), 'right')
        )
        return self.videos[place], self.starts[place]


@dataclass(frozen=True)
class _Fresh:
    """Scenes that are rendered when they are drawn."""

    length: int
    size: int
    object_ids: tuple[int, ...] | None
    kinds: tuple[str, ...] | None
    videos = ()
    starts = ()

    def draw(self, rng: np.random.Generator, frames: int) -> tuple[Video, int]:
        """Render a scene; something is seen in its first frame."""
        del frames
        return FreshClip(rng, self.length, self.size, self.object_ids, self.kinds), 0


@dataclass(frozen=True)
class _FreshComposed:
    """Clips of real pictures that are composed when they are drawn, as long as they are wanted."""

    source: DataSource
    maker: ClipMaker
    size: int
    videos = ()
    starts = ()

    def draw(self, rng: np.random.Generator, frames: int) -> tuple[Video, int]:
        """Compose a clip; something is seen in its first frame."""
        return fresh_clip(self.source, self.maker, rng, frames, self.size), 0


def check_sizes(video: Video, index: int, rgb: np.ndarray, labels: np.ndarray) -> None:
    """Raise SourceError when picture and label image of a frame differ in size."""
    if rgb.shape[:2] != labels.shape:
        raise SourceError(
            f'{video.where(index)}: the image is {_measure(rgb)}, its mask {_measure(labels)}; '
            'both must have one size'
        )


def _measure(picture: np.ndarray) -> str:
    return f'{picture.shape[1]}x{picture.shape[0]}'


def _of_ids(source: DataSource) -> str:
    return '' if source.object_ids is None else f' with an id of {list(source.object_ids)}'
