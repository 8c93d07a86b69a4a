# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Lists the videos of a source, whatever its type."""

from __future__ import annotations

from pathlib import Path

from surgsam2_ros.datasets import VosFolder
from surgsam2_ros.sources import SourceError
from surgsam2_ros.training.clip_sources import DataSource
from surgsam2_ros.training.rendered_clips import check_settings, stored_clips
from surgsam2_ros.training.training_bag import TrainingBag
from surgsam2_ros.training.videos import FileVideo, Video


def open_videos(source: DataSource, root: Path) -> list[Video]:
    """List the videos of a source of any type but scenes that are rendered while training.

    Args:
        source: settings.
        root: folder that a relative path starts from.

    Raises:
        SourceError: when the source cannot be read or holds no frame with a truth.
        FileNotFoundError: when a folder is missing or empty.
    """
    path = root / Path(source.path).expanduser()
    if source.type == 'vos':
        folder = VosFolder(path, source.images, source.annotations)
        videos = [FileVideo(video, source.object_ids) for video in folder.videos]
        if not any(len(video) for video in videos):
            raise SourceError(
                f'no image of {folder.images} has a label image in {folder.annotations}; they '
                'belong together by folder and name, up to the suffix'
            )
        return videos
    if source.type == 'bag':
        return [TrainingBag(path, source.image_topic, source.truth_topic, source.object_ids)]
    if source.kinds is not None:
        check_settings(path, {'kinds': list(source.kinds)})
    return stored_clips(path, source.num_clips, source.object_ids)
