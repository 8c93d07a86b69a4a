# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The pictures of a report: the worst frames with the outlines of truth and prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from surgsam2_ros.evaluation.records import ObjectRecord, RunRecord, VideoRecord
from surgsam2_ros.evaluation.reports.frame_choice import ChosenFrame, worst_frames
from surgsam2_ros.evaluation.reports.markup import Markup, element, fraction, join
from surgsam2_ros.evaluation.reports.pictures import (
    RunPictures,
    cut_out,
    data_uri,
    draw_outlines,
    prediction_colour,
)
from surgsam2_ros.sources import SourceError


def worst_frame_pictures(
    output: Path,
    run: RunRecord,
    videos: Mapping[str, Sequence[VideoRecord]],
    skip_ends: bool = True,
) -> Markup:
    """Show the frames with the smallest J.

    Args:
        output: folder of the run.
        run: its record.
        videos: records by what they went through.
        skip_ends: see `scored_frames`.

    Returns:
        markup of the pictures; a sentence where the images or the truth cannot be read any more;
        nothing when no frame was scored.
    """
    records = {(r.video, r.through): r for entries in videos.values() for r in entries}
    chosen = worst_frames(records.values(), skip_ends)
    if not chosen:
        return Markup('')
    figures: dict[ChosenFrame, Markup] = {}
    problems: dict[str, None] = {}
    try:
        with RunPictures(output, run) as pictures:
            for frame in sorted(chosen, key=lambda c: (c.video, c.index)):
                try:
                    figures[frame] = _figure(
                        pictures, frame, records[frame.video, frame.through], len(videos) > 1
                    )
                except (SourceError, OSError) as error:
                    problems[str(error)] = None
    except (SourceError, OSError) as error:
        problems[str(error)] = None
    notes = [element('p', f'Not every picture could be made: {p}', class_='note') for p in problems]
    if not figures:
        return join(notes)
    note = 'The white line is the truth, the coloured one the prediction.'
    grid = element('div', *(figures[c] for c in chosen if c in figures), class_='pictures')
    return join([element('p', note, class_='note'), *notes, grid])


def _figure(pictures: RunPictures, frame: ChosenFrame, record: VideoRecord, both: bool) -> Markup:
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
    return element(
        'figure',
        element('img', src=data_uri(picture), alt=f'{where}, {text}'),
        element('figcaption', element('b', where), element('br'), text),
    )


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
