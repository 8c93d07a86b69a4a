# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Clips composed of real pictures that lie on disk, made while training and never kept."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from surgsam2_ros.sources import SourceError, read_label_png
from surgsam2_ros.synthesis.composing import (
    UNLABELLED,
    Cutout,
    Material,
    Tissue,
    compose_clip,
    moving_still,
)
from surgsam2_ros.training.clip_sources import SHARES, DataSource
from surgsam2_ros.training.mask_fit import mask_fits
from surgsam2_ros.training.videos import Video

HELD_OUT_VIDEOS = ('00010-23313', '00021-24968', '00027-25843')
"""Laparoscopic videos that no training sees; their frames' names begin so."""

_VIDEO_FRAME = re.compile(r'(.+)_f\d+$')
_HELD_OUT_EVERY = 10  # of pictures that belong to no video
_SMALLEST_CUTOUT = 600  # pixels
_WITH_SHAFTS = ('lap_stanford_masks',)  # folders whose tools come in from the border
_WITH_DOUBTFUL_MASKS = ('tools_seg',)  # folders whose masks are compared with their pictures


def held_out(names: Sequence[str]) -> list[bool]:
    """Tell which pictures of a folder are for selection alone, by their names.

    Frames of videos (VIDEO_f123) go by the video, every tenth of all other pictures is held out.

    Args:
        names: stems, all of a folder.
    """
    places = {name: place for place, name in enumerate(sorted(names))}
    kept_back = []
    for name in names:
        frame = _VIDEO_FRAME.match(name)
        if frame:
            kept_back.append(frame.group(1) in HELD_OUT_VIDEOS)
        else:
            kept_back.append(places[name] % _HELD_OUT_EVERY == _HELD_OUT_EVERY - 1)
    return kept_back


@dataclass(frozen=True)
class LabelledPicture:
    """A picture and its label image, read when they are wanted."""

    image: Path
    mask: Path

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """Read picture uint8 [H, W, 3] RGB and labels uint8 [H, W].

        Raises:
            SourceError: naming the file that cannot be read, or whose size differs.
        """
        rgb, labels = _read_rgb(self.image), read_label_png(self.mask)
        if rgb.shape[:2] != labels.shape:
            raise SourceError(
                f'{self.image} and {self.mask} differ in size; a mask has the size of its picture'
            )
        return rgb, labels


@dataclass(frozen=True)
class CutoutFiles(Sequence):
    """Tools of labelled pictures, read when they are wanted.

    Attributes:
        entries: picture and id of each tool.
    """

    entries: tuple[tuple[LabelledPicture, int], ...]

    def __len__(self) -> int:
        """Return the number of tools."""
        return len(self.entries)

    def __getitem__(self, index: int) -> Cutout:
        """Cut a tool out of its picture."""
        return _read_cutout(*self.entries[index])


@dataclass(frozen=True)
class TissueFiles(Sequence):
    """Views without tools, read when they are wanted."""

    paths: tuple[Path, ...]

    def __len__(self) -> int:
        """Return the number of views."""
        return len(self.paths)

    def __getitem__(self, index: int) -> Tissue:
        """Read a view."""
        return Tissue(_read_rgb(self.paths[index]))


class ClipMaker(Protocol):
    """Makes clips of what a source names."""

    def make(
        self, rng: np.random.Generator, frames: int, size: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Make images uint8 [T, S, S, 3] RGB and labels uint8 [T, S, S]."""


@dataclass(frozen=True)
class ComposedMaker:
    """Composes tools over tissue."""

    material: Material

    def make(
        self, rng: np.random.Generator, frames: int, size: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Compose a clip."""
        return compose_clip(rng, frames, size, self.material)


@dataclass(frozen=True)
class StillMaker:
    """Moves labelled pictures, and now and then a tool before them."""

    pictures: tuple[LabelledPicture, ...]
    cutouts: CutoutFiles

    def make(
        self, rng: np.random.Generator, frames: int, size: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw a picture that shows enough of an object and move it.

        Raises:
            SourceError: when none of many does.
        """
        for _ in range(50):
            picture = self.pictures[int(rng.integers(len(self.pictures)))]
            try:
                return moving_still(rng, frames, size, *picture.read(), self.cutouts)
            except ValueError:  # its objects are too small
                continue
        raise SourceError(
            f'pictures such as {picture.image} show no object that is large enough; leave the '
            'source out'
        )


def open_maker(source: DataSource, data_root: str | Path) -> ClipMaker:
    """Look up the pictures of a source of type composed or stills.

    Args:
        source: its settings.
        data_root: folder that holds the folders it names.

    Raises:
        FileNotFoundError: when the root is not set, or a folder is missing or holds nothing.
        SourceError: naming a file that cannot be read.
    """
    side = source.hold_out
    cutouts = CutoutFiles(
        _in_equal_shares(
            [tuple(_tools(_folder(data_root, name), side)) for name in source.cutouts or ()]
        )
    )
    if source.type == 'stills':
        folder = _folder(data_root, source.path)
        pictures = tuple(_fitting(_pictures(folder, side), folder.name))
        _require(pictures, f'{folder} holds no labelled picture', side)
        return StillMaker(pictures, cutouts)
    unwanted = set(source.leave_out or ())
    tissues = _in_equal_shares(
        [
            [p for p in _on_side(_images(_folder(data_root, name)), side) if p.stem not in unwanted]
            for name in source.tissue or ()
        ]
    )
    _require(cutouts, f'{", ".join(source.cutouts)} hold no tool that is large enough', side)
    _require(tissues, f'{", ".join(source.tissue)} hold no picture', side)
    shares = {name: getattr(source, name) for name in SHARES}
    return ComposedMaker(Material(cutouts, TissueFiles(tissues), **shares))


def _in_equal_shares(folders: Sequence[Sequence]) -> tuple:
    """Join the contents of folders, those of small ones repeated, so that all are drawn alike."""
    largest = max((len(entries) for entries in folders), default=0)
    return tuple(
        entry
        for entries in folders
        for _ in range(round(largest / max(len(entries), 1)))
        for entry in entries
    )


def _require(found: Sequence, problem: str, side: str) -> None:
    if not len(found):
        raise FileNotFoundError(
            f"{problem} for hold_out '{side}'; check data_root and the names of the folders"
        )


def _folder(data_root: str | Path, name: str) -> Path:
    if not str(data_root):
        raise FileNotFoundError(
            f'{name} lies below data_root, which is not set; name the folder of the training '
            'pictures with data_root in the configuration or --set data_root=/path'
        )
    folder = Path(data_root).expanduser() / name
    if not (folder / 'frames').is_dir():
        raise FileNotFoundError(
            f'{folder}/frames does not exist; data_root {data_root} must hold the folder {name} '
            'with frames/*.jpg'
        )
    return folder


def _images(folder: Path) -> list[Path]:
    return sorted((folder / 'frames').glob('*.jpg'))


def _on_side(paths: Sequence[Path], side: str) -> list[Path]:
    """Keep the pictures of one side of the hold-out."""
    kept_back = held_out([path.stem for path in paths])
    return [p for p, out in zip(paths, kept_back, strict=True) if out == (side == 'valid')]


def _pictures(folder: Path, side: str) -> list[LabelledPicture]:
    pairs = [
        LabelledPicture(path, folder / 'masks' / f'{path.stem}.png')
        for path in _on_side(_images(folder), side)
    ]
    return [pair for pair in pairs if pair.mask.is_file()]


def _fitting(pictures: Sequence[LabelledPicture], folder: str) -> list[LabelledPicture]:
    """Leave out pictures whose masks are shifted, where a folder is known to have such."""
    if folder not in _WITH_DOUBTFUL_MASKS:
        return list(pictures)
    return [picture for picture in pictures if _fits(picture)]


@lru_cache(maxsize=8192)
def _fits(picture: LabelledPicture) -> bool:
    small = cv2.imread(str(picture.image), cv2.IMREAD_REDUCED_COLOR_2)
    return small is not None and mask_fits(small, read_label_png(picture.mask))


def _tools(folder: Path, side: str) -> Iterator[tuple[LabelledPicture, int]]:
    for picture in _fitting(_pictures(folder, side), folder.name):
        for value in _ids_of(picture):
            yield picture, value


@lru_cache(maxsize=8192)
def _ids_of(picture: LabelledPicture) -> tuple[int, ...]:
    """List the ids of a picture that are large enough to be cut out."""
    areas = np.bincount(read_label_png(picture.mask).ravel(), minlength=256)
    areas[[0, UNLABELLED]] = 0
    return tuple(int(value) for value in np.flatnonzero(areas > _SMALLEST_CUTOUT))


@lru_cache(maxsize=256)
def _read_cutout(picture: LabelledPicture, value: int) -> Cutout:
    rgb, labels = picture.read()
    alpha = np.where(labels == value, np.uint8(255), np.uint8(0))
    x, y, width, height = cv2.boundingRect(alpha)
    box = (slice(max(0, y - 4), y + height + 4), slice(max(0, x - 4), x + width + 4))
    has_shaft = picture.image.parent.parent.name in _WITH_SHAFTS
    return Cutout(np.ascontiguousarray(rgb[box]), np.ascontiguousarray(alpha[box]), has_shaft)


def _read_rgb(path: Path) -> np.ndarray:
    rgb = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    if rgb is None:
        raise SourceError(f'{path} is no readable image; repair it or remove it and its mask')
    return rgb


class SeededMaker:
    """Makes clips from seeds and remembers the last, so that its frames can be read one by one.

    Lists of clips share one: no more than one clip is in memory.
    """

    def __init__(self, maker: ClipMaker):
        self._maker = maker
        self._last: tuple[tuple, tuple[np.ndarray, np.ndarray]] | None = None

    def clip(self, seed: tuple[int, ...], frames: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Make images uint8 [T, S, S, 3] and labels uint8 [T, S, S]; equal seeds, equal clips."""
        key = (seed, frames, size)
        if self._last is None or self._last[0] != key:
            self._last = (key, self._maker.make(np.random.default_rng(seed), frames, size))
        return self._last[1]


class MadeClip(Video):
    """A clip that is made when a frame of it is asked for."""

    def __init__(
        self,
        name: str,
        maker: SeededMaker,
        seed: tuple[int, ...],
        frames: int,
        size: int,
        object_ids: Collection[int] | None = None,
    ):
        super().__init__(name, object_ids)
        self._maker, self._wanted, self._frames = maker, (seed, frames, size), frames

    def __len__(self) -> int:
        return self._frames

    def image(self, index: int) -> np.ndarray:
        """Return the picture, uint8 [S, S, 3]."""
        return self._maker.clip(*self._wanted)[0][index]

    def _read_labels(self, index: int) -> np.ndarray:
        return self._maker.clip(*self._wanted)[1][index]


def listed_clips(source: DataSource, data_root: str | Path, size: int) -> list[Video]:
    """List the `num_clips` clips of a source, which are the same every time.

    Raises:
        FileNotFoundError, SourceError: as `open_maker`.
    """
    maker = SeededMaker(open_maker(source, data_root))
    return [
        MadeClip(
            f'{source.type}_{index:05d}',
            maker,
            (index, int(source.hold_out == 'valid')),
            source.clip_length,
            size,
            source.object_ids,
        )
        for index in range(source.num_clips)
    ]


def fresh_clip(
    source: DataSource, maker: ClipMaker, rng: np.random.Generator, frames: int, size: int
) -> Video:
    """Draw a clip that was never seen before."""
    seed = int(rng.integers(2**63))
    name = f'{source.type}_{seed:016x}'
    return MadeClip(name, SeededMaker(maker), (seed,), frames, size, source.object_ids)
