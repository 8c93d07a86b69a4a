# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Rendered clips, kept on disk or made while training."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from surgsam2_ros.sources import SourceError
from surgsam2_ros.training.videos import Video

SETTINGS = 'settings.json'


def render_clips(
    folder: Path,
    count: int,
    frames: int,
    size: int,
    seed: int,
    processes: int = 1,
    *,
    kinds: Sequence[str] | None = None,
    report: Callable[[int, int], None] | None = None,
) -> None:
    """Render the clips that a folder does not hold yet, `clip_00000.npy` and so on.

    A clip is uint8 [frames, size, size, 4]: RGB and the label. Clip i depends on (seed, i) alone.
    `settings.json` beside the clips tells how they were rendered.

    Args:
        folder: created when missing.
        count: clips wanted in all.
        frames, size, kinds: of a clip, as `synthesis.render_clip` takes them.
        seed: of all clips.
        processes: how many render at once.
        report: takes the numbers of clips rendered and to be rendered, after each.

    Raises:
        SourceError: naming the clip that cannot be written, or a setting in which the clips that
            are there differ.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _settle(folder, {'frames': frames, 'size': size, 'seed': seed, 'kinds': kinds and list(kinds)})
    jobs = [
        (folder / f'clip_{index:05d}.npy', frames, size, seed, index, kinds)
        for index in range(count)
        if not (folder / f'clip_{index:05d}.npy').exists()
    ]
    with ExitStack() as stack:
        if processes <= 1 or len(jobs) <= 1:
            rendered = map(_render_clip, jobs)
        else:
            # Not forked: threads of torch may hold locks here.
            pool = ProcessPoolExecutor(processes, get_context('spawn'))
            rendered = stack.enter_context(pool).map(_render_clip, jobs, chunksize=4)
        for done, _ in enumerate(rendered, start=1):
            if report is not None:
                report(done, len(jobs))


def _settle(folder: Path, settings: dict[str, Any]) -> None:
    """Write down how the clips of a folder are rendered, and refuse to add clips of other kinds."""
    path = folder / SETTINGS
    try:
        if path.exists():
            check_settings(folder, settings)
            return
        unfinished = path.with_suffix(f'.{os.getpid()}.part')
        unfinished.write_text(json.dumps(settings), encoding='utf-8')
        unfinished.replace(path)
    except OSError as error:
        raise SourceError(
            f'{path} cannot be written ({error}); make room there or choose another folder'
        ) from error


def check_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Compare how the clips of a folder were rendered with what is asked for, where it is known.

    Raises:
        SourceError: naming the setting that differs.
    """
    path = folder / SETTINGS
    if not path.exists():
        return
    try:
        there = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise SourceError(f'{path} is damaged ({error}); remove {folder}') from error
    for name, value in settings.items():
        if there.get(name) != value:
            raise SourceError(
                f'{folder} holds clips rendered with {name} {there.get(name)}, {value} is asked '
                'for; choose another folder or remove this one'
            )


def _render_clip(job: tuple[Path, int, int, int, int, Sequence[str] | None]) -> None:
    path, frames, size, seed, index, kinds = job
    images, labels = _render(np.random.default_rng([seed, index]), frames, size, kinds)
    unfinished = path.with_suffix(f'.{os.getpid()}.part')
    try:
        with unfinished.open('wb') as file:
            np.save(file, np.concatenate([images, labels[..., None]], axis=-1))
        unfinished.replace(path)
    except OSError as error:
        raise SourceError(
            f'rendered clip {path} cannot be written ({error}); make room there or choose another '
            'folder'
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)


def _render(
    rng: np.random.Generator, frames: int, size: int, kinds: Sequence[str] | None
) -> tuple[np.ndarray, np.ndarray]:
    from surgsam2_ros.synthesis import EVERYDAY_KINDS, render_clip

    return render_clip(rng, frames, size=size, kinds=EVERYDAY_KINDS if kinds is None else kinds)


class StoredClip(Video):
    """A rendered clip of a file, read frame by frame through a memory map."""

    def __init__(self, path: Path, object_ids: Collection[int] | None = None):
        super().__init__(path.stem, object_ids)
        self._path = path
        self._length = len(self._open())

    def __len__(self) -> int:
        return self._length

    def image(self, index: int) -> np.ndarray:
        """Read the picture, uint8 [S, S, 3]."""
        return np.ascontiguousarray(self._open()[index, ..., :3])

    def where(self, index: int) -> str:
        """Name the file."""
        return f'{self._path}, frame {index}'

    def _read_labels(self, index: int) -> np.ndarray:
        return np.ascontiguousarray(self._open()[index, ..., 3])

    def _open(self) -> np.ndarray:
        """Map the file, uint8 [T, S, S, 4]."""
        try:
            stored = np.load(self._path, mmap_mode='r')
        except (OSError, ValueError, EOFError) as error:
            raise SourceError(
                f'{self._path} is no rendered clip ({error}); remove it to have it rendered again'
            ) from error
        if stored.dtype != np.uint8 or stored.ndim != 4 or stored.shape[3] != 4 or not len(stored):
            raise SourceError(
                f'{self._path} is {stored.dtype} {list(stored.shape)}, a rendered clip is uint8 '
                '[T, S, S, 4]; remove it to have it rendered again'
            )
        return stored


class FreshClip(Video):
    """A clip rendered into memory."""

    def __init__(
        self,
        rng: np.random.Generator,
        frames: int,
        size: int,
        object_ids: Collection[int] | None = None,
        kinds: Sequence[str] | None = None,
    ):
        seed = int(rng.integers(2**63))
        super().__init__(f'scene_{seed:016x}', object_ids)
        self._images, self._labels = _render(np.random.default_rng(seed), frames, size, kinds)

    def __len__(self) -> int:
        return len(self._labels)

    def image(self, index: int) -> np.ndarray:
        """Return the picture, uint8 [S, S, 3]."""
        return self._images[index]

    def _read_labels(self, index: int) -> np.ndarray:
        return self._labels[index]


def stored_clips(
    folder: Path, count: int = 0, object_ids: Collection[int] | None = None
) -> list[Video]:
    """List the first `count` clips (0: all) of a folder that `render_clips` filled.

    Raises:
        FileNotFoundError: when the folder holds none, or fewer.
        SourceError: when a file is not such a clip.
    """
    paths = sorted(Path(folder).glob('clip_*.npy'))
    if len(paths) < max(count, 1):
        raise FileNotFoundError(
            f'{folder} holds {len(paths)} rendered clips (clip_*.npy), {max(count, 1)} wanted; '
            'render them first'
        )
    return [StoredClip(path, object_ids) for path in paths[: count or None]]
