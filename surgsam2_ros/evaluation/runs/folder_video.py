# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A video of the layout of video object segmentation data sets: images beside label images."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from surgsam2_ros.datasets.vos_folder import IMAGE_SUFFIXES, VosFrame, list_video
from surgsam2_ros.evaluation.runs.video import EvaluationVideo
from surgsam2_ros.sources import SourceError, read_label_png


class FolderVideo(EvaluationVideo):
    """A folder of images, and a folder of label images of the same names."""

    def __init__(
        self,
        name: str,
        images: Path,
        truth: Path,
        *,
        prompts: Path | None = None,
        names: dict[int, str] | None = None,
        note: str | None = None,
    ) -> None:
        """Name the folders; nothing is read yet.

        Args:
            name: of the video.
            images, truth: folders of images and of PNG label images.
            prompts: folder of label images that prompts are taken from; the truth by default.
            names: of the object ids.
            note: what a reader of its scores must know about the truth.
        """
        super().__init__(name, images, names=names)
        self._note = note
        self.truth_folder = truth
        self.prompt_folder = prompts
        self._close()

    def _open(self) -> None:
        if not self.images.is_dir():
            raise SourceError(f'folder {self.images} does not exist')
        self._frames = list_video(self.images, self.truth_folder).frames
        if not self._frames:
            raise SourceError(
                f'{self.images} is an empty video: it holds no images '
                f'({", ".join(IMAGE_SUFFIXES)}); add them or remove the folder'
            )
        self._truths = self._labels_in(self.truth_folder, 'truth')
        self._prompts = self._truths
        if self._note is not None:
            self.warnings.append(self._note)
        if self.prompt_folder is not None:
            self._prompts = self._labels_in(self.prompt_folder, 'prompts')
        if len(self._truths) < len(self._frames):
            self.warnings.append(
                f'{len(self._truths)} of {len(self._frames)} images have a truth in '
                f'{self.truth_folder}; the others are tracked but not scored'
            )

    def _labels_in(self, folder: Path, purpose: str) -> dict[str, Path]:
        """Return the label images of `folder` that belong to an image, by stem."""
        if not folder.is_dir():
            raise SourceError(
                f'video {self.name} has no {purpose}: folder {folder} does not exist; it should '
                'hold a PNG label image for every image, of the same name'
            )
        found = {file.stem: file for file in folder.iterdir() if file.suffix.lower() == '.png'}
        if not found:
            raise SourceError(
                f'{folder}, the {purpose} of video {self.name}, holds no PNG files; write label '
                'images as PNG, since other formats change object ids'
            )
        stems = {frame.stem for frame in self._frames}
        strangers = sorted(found.keys() - stems)
        if len(strangers) == len(found):
            raise SourceError(
                f'none of the {len(found)} label images in {folder}, such as {strangers[0]}.png, '
                f'is named like an image in {self.images}, such as {self._frames[0].image.name}; a '
                'label image needs the name of its image'
            )
        if strangers:
            self.warnings.append(
                f'{len(strangers)} label images in {folder} belong to no image, such as '
                f'{strangers[0]}.png'
            )
        return {stem: file for stem, file in found.items() if stem in stems}

    def _close(self) -> None:
        self._frames: tuple[VosFrame, ...] = ()
        self._truths: dict[str, Path] = {}
        self._prompts: dict[str, Path] = {}

    def _stems(self) -> tuple[str, ...]:
        return tuple(frame.stem for frame in self._frames)

    def _stamps(self) -> None:
        return None

    def _image(self, index: int) -> np.ndarray:
        file = self._frames[index].image
        # Pixels as stored: label images know nothing of an orientation tag.
        bgr = cv2.imread(str(file), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if bgr is None:
            raise SourceError(f'{file} is no readable image; repair or remove it')
        return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)

    def _has_truth(self, index: int) -> bool:
        return self._frames[index].stem in self._truths

    def _truth(self, index: int) -> tuple[str, np.ndarray] | None:
        return _read(self._truths.get(self._frames[index].stem))

    def _prompt_truth(self, index: int) -> tuple[str, np.ndarray] | None:
        return _read(self._prompts.get(self._frames[index].stem))


def _read(file: Path | None) -> tuple[str, np.ndarray] | None:
    return None if file is None else (str(file), read_label_png(file))
