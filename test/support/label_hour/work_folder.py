# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a work folder holds, looked at without touching it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from label_hour.ledger import State
from surgsam2_ros.console.label.frame_masks import MaskFileError, states_in
from surgsam2_ros.console.label.labelling import Bound, Labelling
from surgsam2_ros.console.label.mask_files import MaskFiles

_JOURNAL = 'journal.jsonl'


@dataclass(frozen=True)
class Found:
    """What a console that opened the folder now would go on from.

    Attributes:
        state: as operators have said.
        masks: of all frames.
        tracked: in how many frames an instrument has masks.
        told: what the opening told, such as damaged files.
    """

    state: State
    masks: MaskFiles
    tracked: int
    told: tuple[str, ...]


@contextmanager
def opened_copy(work: Path, scratch: Path) -> Iterator[Found]:
    """Open a copy as a console does, which mends what a kill left behind.

    The files of masks are linked: no console ever writes into one that is there.

    Args:
        work: folder of a console that is not running.
        scratch: folder for the copy, on the same disk; emptied before, removed after.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    (scratch / 'masks').mkdir(parents=True)
    shutil.copytree(work / 'masks', scratch / 'masks', copy_function=os.link, dirs_exist_ok=True)
    shutil.copy(work / _JOURNAL, scratch / _JOURNAL)
    with (scratch / _JOURNAL).open('rb') as journal:
        begun = json.loads(journal.readline().partition(b' ')[2])
    bound = Bound(begun['path'], begun['digest'], begun['frames'], tuple(begun['size']))
    labelling = Labelling(scratch, bound)
    try:
        labels = labelling.labels
        state = State(
            labels.verdicts.copy(),
            frozenset((frame, one) for frame, ids in labels.prompts.items() for one in ids),
            {one.object_id: one.name for one in labels.objects.values()},
        )
        tracked = int(labelling.masks.tracked(labels.instances).sum())
        yield Found(state, labelling.masks, tracked, tuple(labelling.told))
    finally:
        labelling.close()
        shutil.rmtree(scratch, ignore_errors=True)


def frames_with_masks(work: Path, frames: Iterable[int], instances: Iterable[int]) -> np.ndarray:
    """Return those of the frames, ascending, in which one of the instruments has a mask."""
    wanted, found = set(instances), []
    for frame in frames:
        path = work / 'masks' / f'{frame // 1000:04d}' / f'{frame:07d}.masks'
        try:
            with path.open('rb') as file:
                if wanted & states_in(file.readline() + file.readline()).keys():
                    found.append(frame)
        except (FileNotFoundError, MaskFileError):
            continue
    return np.array(found, np.int64)


def exported_frames(work: Path) -> int | None:
    """Return how many frames the exported data set has; None without one, -1 for a damaged one."""
    data_set = work / 'dataset'
    try:
        said = json.loads((data_set / 'export.json').read_text(encoding='utf-8'))['frames']
    except FileNotFoundError:
        return -1 if data_set.exists() else None
    there = [
        sum(1 for _ in data_set.glob(f'{part}/*/*.*')) for part in ('JPEGImages', 'Annotations')
    ]
    return said if there == [said, said] else -1


def size_of(work: Path) -> tuple[int, int, int]:
    """Return the bytes of journal and masks, their number of files, and bytes of the data set."""
    labels = files = exported = 0
    for folder, _, names in os.walk(work):
        is_export = 'dataset' in Path(folder).relative_to(work).as_posix().partition('/')[0]
        for name in names:
            try:
                size = (Path(folder) / name).stat().st_size
            except FileNotFoundError:
                continue
            if is_export:
                exported += size
            else:
                labels, files = labels + size, files + 1
    return labels, files, exported
