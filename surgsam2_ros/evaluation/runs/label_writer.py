# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes masks in the folders of the authors' tools: one per object, and all of them in one.

    OUTPUT/<video>/<object:03d>/<frame>.png    palette PNG, pixel = object id, 0 = background
    OUTPUT/<video>/all/<frame>.png             the same of all objects; lower ids lie on top

An object's frames start with the one it was first prompted in.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from surgsam2_ros.drawing import label_palette
from surgsam2_ros.sources import SourceError, read_label_png, write_label_png

ALL = 'all'
RESERVED = ('baselines', 'node', 'overlay', 'records', '.', '..')
"""Names below an output that are no videos."""


class LabelWriter:
    """Writes the label images of one video; what an earlier, interrupted run left is removed.

    Attributes:
        folder: of the video.
    """

    def __init__(self, output: Path, video: str, stems: Sequence[str]) -> None:
        """Prepare the folder of a video.

        Args:
            output: of the run; DIR/node for results of the node beside those of the tracker.
            video: its name.
            stems: of its frames.

        Raises:
            SourceError: when the name of the video is that of another folder of an output.
        """
        if video in RESERVED:
            raise SourceError(
                f"a video cannot be called '{video}', as a folder of the output is; rename it"
            )
        self.folder = output / video
        self._stems = tuple(stems)
        self._palette = label_palette()
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True)

    def write(self, frame: int, masks: Mapping[int, np.ndarray]) -> None:
        """Write the masks of a frame and their composition.

        Args:
            frame: index.
            masks: bool [H, W] by object id; nothing is written for no objects.
        """
        self.write_objects(frame, masks)
        if masks:
            self._write(ALL, frame, compose(masks))

    def write_background(self, frame: int, size: tuple[int, int]) -> None:
        """Write the composition of a frame of (H, W) in which nothing was found."""
        self._write(ALL, frame, np.zeros(size, np.uint8))

    def write_objects(self, frame: int, masks: Mapping[int, np.ndarray]) -> None:
        """Write the masks of a frame alone, where objects are tracked one after the other."""
        for object_id, mask in masks.items():
            self._write(f'{object_id:03d}', frame, mask.astype(np.uint8) * np.uint8(object_id))

    def compose_all(self) -> None:
        """Compose the frames of all objects from what `write_objects` wrote."""
        folders = sorted((f for f in self.folder.iterdir() if f.name.isdecimal()), reverse=True)
        for frame, stem in enumerate(self._stems):
            files = [file for f in folders if (file := f / f'{stem}.png').exists()]
            labels = None
            for file in files:
                painted = read_label_png(file)
                labels = painted if labels is None else np.where(painted > 0, painted, labels)
            if labels is not None:
                self._write(ALL, frame, labels)

    def _write(self, folder: str, frame: int, labels: np.ndarray) -> None:
        path = self.folder / folder / f'{self._stems[frame]}.png'
        path.parent.mkdir(exist_ok=True)
        write_label_png(path, labels, self._palette)


def compose(masks: Mapping[int, np.ndarray]) -> np.ndarray:
    """Paint masks bool [H, W], by object id, into one label image uint8; lower ids lie on top."""
    labels = np.zeros(next(iter(masks.values())).shape, np.uint8)
    for object_id in sorted(masks, reverse=True):
        labels[masks[object_id]] = object_id
    return labels
