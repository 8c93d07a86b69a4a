# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Opens a recording for labelling: its frames, its work folder, the desk."""

from __future__ import annotations

from pathlib import Path

from surgsam2_ros.console.desk import DeskError
from surgsam2_ros.console.label.bag_images import BagImages
from surgsam2_ros.console.label.export import mend_export
from surgsam2_ros.console.label.label_desk import LabelDesk
from surgsam2_ros.console.label.labelling import Bound, Labelling
from surgsam2_ros.console.label.recording import FolderImages, Images, Recording
from surgsam2_ros.console.label.timeline_panel import timeline_panel
from surgsam2_ros.console.panels import Panel
from surgsam2_ros.instrument_classes import NO_CLASSES, InstrumentClasses
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.sources import SourceError
from surgsam2_ros.sources.bag_files import is_bag
from surgsam2_ros.tracking import TrackerConfig

_INDEX, _DATA_SET = 'index.npz', 'dataset'
CONFIG = TrackerConfig(
    protect_prompted_frames=True,
    corrections_condition=True,
    region='auto',
    tentative_frames=1,  # what is carried on was confirmed by an operator
    min_quality=0.74,
    max_overlap=0.5,
)
"""Settings of the tracker: the node's, as far as they do not need to be its own here."""


def open_label_desk(
    source: Path,
    network: SurgSAM2,
    *,
    work_folder: Path | None = None,
    image_topic: str | None = None,
    classes: InstrumentClasses = NO_CLASSES,
    config: TrackerConfig = CONFIG,
) -> tuple[LabelDesk, tuple[Panel, ...]]:
    """Open a bag or a folder of images, and go on with its labels where they were left.

    Args:
        source: rosbag2 directory or file (.mcap, .db3), or folder of images.
        network: with weights, on its device.
        work_folder: of journal and masks; None puts `<source>.labels` beside the source.
        image_topic: of a bag that has several.
        classes: of instruments.
        config: of the tracker.

    Returns:
        The desk, which the caller closes, and the panels that its page has beside those of every
        page.

    Raises:
        DeskError: saying what cannot be opened and what to do.
    """
    if work_folder is None:
        work_folder = source.with_name(f'{source.resolve().name}.labels')
    images: Images | None = None
    try:
        images = _open_images(source, image_topic, work_folder)
        recording = Recording(images, source)
        bound = Bound(str(source.resolve()), images.digest, len(recording), recording.size)
        labelling = Labelling(work_folder, bound)
        mend_export(work_folder / _DATA_SET)
        if isinstance(images, BagImages):
            images.keep_index(work_folder / _INDEX)
    except (SourceError, OSError) as error:
        _close(images)
        raise DeskError(str(error)) from error
    except DeskError:
        _close(images)
        raise
    camera = images.topic if isinstance(images, BagImages) else images.name
    desk = LabelDesk(recording, labelling, network, config, camera=camera, classes=classes)
    return desk, (timeline_panel(desk, work_folder / _DATA_SET),)


def _open_images(source: Path, topic: str | None, work: Path) -> Images:
    if not source.exists():
        raise SourceError(f'{source} does not exist; give a bag or a folder of images')
    if is_bag(source):
        return BagImages(source, topic, work / _INDEX)
    if topic is not None:
        raise SourceError(f'an image topic ({topic}) was given, but {source} is not a bag')
    if not source.is_dir():
        raise SourceError(
            f'{source} is neither a bag nor a folder; write the frames of a video as images: '
            f'ffmpeg -i {source.name} frames/%06d.png'
        )
    return FolderImages(source)


def _close(images: Images | None) -> None:
    if images is not None:
        images.close()
