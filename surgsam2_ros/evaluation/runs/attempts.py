# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Evaluates one video and writes its record, also when that fails: a bad video is no end."""

from __future__ import annotations

import errno
import shutil
import traceback
from collections.abc import Callable
from pathlib import Path

from surgsam2_ros.evaluation.records import (
    RecordError,
    VideoRecord,
    folder_name,
    read_video,
    write_video,
)
from surgsam2_ros.evaluation.runs.video import EvaluationVideo


def attempt(
    video: EvaluationVideo, through: str, output: Path, run: Callable[[], VideoRecord]
) -> VideoRecord:
    """Call `run` and write the record that it returns, or one that says why there is none.

    Label images of a failed video are removed: a part of them would be taken for a result.

    Raises:
        OSError: when the disk is full, which would be so for every other video as well.
    """
    try:
        record = run()
    except Exception as error:  # whatever is wrong with one video, the others are evaluated
        record = failure(video, through, output, describe_error(error))
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
    write_video(output, record)
    return record


def failure(video: EvaluationVideo, through: str, output: Path, reason: str) -> VideoRecord:
    """Remove what a failed video left, and return its record."""
    shutil.rmtree(predictions_folder(output, through) / video.name, ignore_errors=True)
    return VideoRecord(
        video=video.name,
        through=through,
        error=reason,
        warnings=list(video.warnings),
        images=str(video.images.resolve()),
        image_topic=video.image_topic,
    )


def is_finished(video: str, through: str, output: Path) -> bool:
    """Tell whether a video was evaluated: its record has no error, its label images are there."""
    try:
        record = read_video(output, through, video)
    except (FileNotFoundError, RecordError):
        return False
    return record.error is None and (predictions_folder(output, through) / video).is_dir()


def predictions_folder(output: Path, through: str) -> Path:
    """Return the folder that has a folder of label images for every video."""
    if through == 'tracker':
        return output
    return output / ('node' if through == 'node' else f'baselines/{folder_name(through)}')


def describe_error(error: Exception) -> str:
    """Return the message of an error in one line; for those that are not ours, where it arose."""
    message = ' '.join(str(error).split())
    if isinstance(error, OSError) or type(error).__module__.startswith('surgsam2_ros.'):
        return message
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f'{type(error).__name__}: {message} ({Path(place.filename).name}:{place.lineno})'
