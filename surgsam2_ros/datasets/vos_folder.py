# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The layout of video object segmentation data sets: folders of images beside folders of labels.

    ROOT/JPEGImages/<video>/<frame>.jpg|jpeg|png     images
    ROOT/Annotations/<video>/<frame>.png             label images, pixel = object id, 0 = background
    ROOT/classes.json                                names of the object ids, optional

`classes.json` is `{"1": "prograsp_forceps"}` where an id means the same in every video,
`{"seq_2": {"1": "prograsp_forceps"}}` where ids count the objects of a video; it may lie one level
higher, beside the folders of the splits. This module lists files; it decodes none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from surgsam2_ros.sources import SourceError
from surgsam2_ros.sources.image_folder import natural_key

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png')


@dataclass(frozen=True)
class VosFrame:
    """One frame of a video.

    Attributes:
        stem: file name without suffix, the same for image and label image.
        image: image file, to be read as RGB.
        annotation: label image, for `read_label_png`; None where the frame is not labelled.
    """

    stem: str
    image: Path
    annotation: Path | None


@dataclass(frozen=True)
class VosVideo:
    """One video: its frames in natural order of their names."""

    name: str
    frames: tuple[VosFrame, ...]


class VosFolder:
    """A data set folder of the layout above.

    Attributes:
        root: the folder given.
        images, annotations: folders of the videos' images and label images.
        videos: every folder with images, in natural order; those starting with a dot are
            unfinished and are passed over. A video need not be labelled.
        classes: names by object id where they hold for all videos, else empty; see `classes_of`.

    Example:
        for video in VosFolder('endovis18/train').videos:
            for frame in video.frames:
                labels = read_label_png(frame.annotation)
    """

    def __init__(
        self,
        root: str | Path,
        images: str = 'JPEGImages',
        annotations: str = 'Annotations',
    ) -> None:
        """List the folder.

        Args:
            root: data set folder.
            images, annotations: folders below it.

        Raises:
            FileNotFoundError: when the folder, its images or its label images are missing, or no
                video has an image.
            SourceError: when `classes.json` is not of the form above, or two images of a video
                differ in their suffix alone.
        """
        self.root = Path(root)
        self.images = self.root / images
        self.annotations = self.root / annotations
        for folder in (self.root, self.images, self.annotations):
            if not folder.is_dir():
                raise FileNotFoundError(_missing(folder, self.root, images, annotations))
        folders = [e for e in self.images.iterdir() if e.is_dir() and not e.name.startswith('.')]
        videos = map(self._video, sorted(folders, key=lambda folder: natural_key(folder.name)))
        self.videos: tuple[VosVideo, ...] = tuple(video for video in videos if video.frames)
        if not self.videos:
            raise FileNotFoundError(
                f'{self.images} holds no videos; each is a folder of images '
                f'({", ".join(IMAGE_SUFFIXES)})'
            )
        self._classes = read_classes(self.root)

    @property
    def classes(self) -> dict[int, str]:
        """Names of the object ids that hold for every video; empty without any."""
        return dict(self._classes.get(None, {}))

    def classes_of(self, video: str) -> dict[int, str]:
        """Names of the object ids of one video; empty where none are known."""
        return self.classes | self.own_classes_of(video)

    def own_classes_of(self, video: str) -> dict[int, str]:
        """Names of the object ids that are given for this video alone."""
        return dict(self._classes.get(video, {}))

    def _video(self, folder: Path) -> VosVideo:
        return list_video(folder, self.annotations / folder.name)


def list_video(images: Path, annotations: Path) -> VosVideo:
    """List one video, named like its folder of images; without images it has no frames.

    Args:
        images: folder of its images.
        annotations: folder of its label images; need not exist.

    Raises:
        SourceError: when two images differ in their suffix alone.
    """
    by_stem: dict[str, Path] = {}
    for file in images.iterdir():
        if file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith('.'):
            other = by_stem.setdefault(file.stem, file)
            if other is not file:
                raise SourceError(
                    f'{images} holds both {other.name} and {file.name}; keep one of them'
                )
    labelled = {file.stem: file for file in annotations.glob('*.png')}
    return VosVideo(
        images.name,
        tuple(
            VosFrame(stem, by_stem[stem], labelled.get(stem))
            for stem in sorted(by_stem, key=natural_key)
        ),
    )


def read_classes(root: Path) -> dict[str | None, dict[int, str]]:
    """Read the names of object ids, from `root/classes.json` or the one beside `root`.

    Returns:
        By video, names by object id; those for every video under None. Empty without the file.

    Raises:
        SourceError: when the file is not of the form this module describes.
    """
    candidates = (root / 'classes.json', root.resolve().parent / 'classes.json')
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        return {}
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        classes: dict[str | None, dict[int, str]] = {}
        for key, value in content.items():
            if isinstance(value, dict):
                classes[key] = {int(label): str(name) for label, name in value.items()}
            else:
                classes.setdefault(None, {})[int(key)] = str(value)
    except (ValueError, AttributeError) as error:
        raise SourceError(
            f'{path} is no list of class names ({error}); expected {{"1": "prograsp_forceps"}} or, '
            'by video, {"seq_2": {"1": "prograsp_forceps"}}'
        ) from error
    return classes


def _missing(folder: Path, root: Path, images: str, annotations: str) -> str:
    message = f'folder {folder} does not exist'
    if folder == root:
        return message
    message += f'; a data set has {images}/<video>/*.jpg and {annotations}/<video>/*.png'
    splits = sorted(e.name for e in root.iterdir() if (e / images).is_dir())
    if splits:
        message += f'; {root} holds the splits {", ".join(splits)}, name one of them'
    return message
