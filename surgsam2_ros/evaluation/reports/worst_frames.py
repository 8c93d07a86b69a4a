# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The pictures of a report: the worst frames with the outlines of truth and prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from surgsam2_ros.evaluation.records import ObjectRecord, RunRecord, VideoRecord
from surgsam2_ros.evaluation.reports.formatting import fraction
from surgsam2_ros.evaluation.reports.frame_choice import ChosenFrame, worst_frames
from surgsam2_ros.evaluation.reports.pictures import (
    RunPictures,
    cut_out,
    data_uri,
    draw_outlines,
    prediction_colour,
)
from surgsam2_ros.sources import SourceError


@dataclass(frozen=True)
class FramePicture:
    """A frame to show.

    Attributes:
        uri: of the JPEG, which it holds.
        where: video and frame.
        text: which object, and how the frame went for it.
    """

    uri: str
    where: str
    text: str


def worst_frame_pictures(
    output: Path,
    run: RunRecord,
    videos: Mapping[str, Sequence[VideoRecord]],
    skip_ends: bool = True,
) -> tuple[list[FramePicture], list[str]]:
    """Show the frames with the smallest J.

    Args:
        output: folder of the run.
        run: its record.
        videos: records by what they went through.
        skip_ends: see `scored_frames`.

    Returns:
        the pictures, the worst first; why some could not be made: images or truth that cannot be
        read any more.
    """
    records = {(r.video, r.through): r for entries in videos.values() for r in entries}
    chosen = worst_frames(records.values(), skip_ends)
    if not chosen:
        return [], []
    made: dict[ChosenFrame, FramePicture] = {}
    problems: dict[str, None] = {}
    try:
        with RunPictures(output, run) as pictures:
            for frame in sorted(chosen, key=lambda c: (c.video, c.index)):
                try:
                    made[frame] = _picture(
                        pictures, frame, records[frame.video, frame.through], len(videos) > 1
                    )
                except (SourceError, OSError) as error:
                    problems[str(error)] = None
    except (SourceError, OSError) as error:
        problems[str(error)] = None
    return [made[frame] for frame in chosen if frame in made], list(problems)


def _picture(
    pictures: RunPictures, frame: ChosenFrame, record: VideoRecord, both: bool
) -> FramePicture:
    truth = pictures.truth(frame.video, frame.object_id, frame.index)
    mask = pictures.prediction(frame.video, frame.through, frame.object_id, frame.index)
    rgb = pictures.image(frame.video, frame.index)
    part = cut_out((truth, mask), truth.shape)
    picture = draw_outlines(rgb, truth, {prediction_colour(frame.object_id): mask}, part)
    entry = next(e for e in record.objects if e.object_id == frame.object_id)
    where = f'{frame.video}, frame {record.stems[frame.index]}'
    if both:
        where += f', {frame.through}'
    text = f'{describe_object(entry)}: {what_happened(entry, frame.index)}'
    return FramePicture(data_uri(picture), where, text)


def describe_object(entry: ObjectRecord) -> str:
    """Name an object by its id and, where it has one, its name."""
    return f'object {entry.object_id}' + (f', {entry.name}' if entry.name else '')


def what_happened(entry: ObjectRecord, index: int) -> str:
    """Say in words how a frame went for an object, with its scores and state."""
    area, truth = entry.area[index], entry.truth_area[index]
    if not truth and area:
        text = 'seen though absent'
    elif truth and not area:
        text = 'missed'
    else:
        boundary = entry.measures['boundary'][index]
        text = f'J {fraction(entry.iou[index], 2)}, F {fraction(boundary, 2)}'
    return f'{text}, {entry.state[index].lower()}' if entry.state[index] else text
