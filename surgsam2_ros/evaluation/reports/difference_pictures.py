# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of the frames in which two runs differ most, side by side."""

from __future__ import annotations

from collections.abc import Iterator

from surgsam2_ros.evaluation.reports.comparison import ComparedRun, shared_frames
from surgsam2_ros.evaluation.reports.frame_choice import ChosenFrame, spread
from surgsam2_ros.evaluation.reports.markup import Markup, element, join
from surgsam2_ros.evaluation.reports.pictures import (
    RunPictures,
    cut_out,
    data_uri,
    draw_outlines,
    prediction_colour,
)
from surgsam2_ros.evaluation.reports.worst_frames import describe_object, what_happened
from surgsam2_ros.sources import SourceError

PAIRS = 6
_NOTICEABLE = 0.02  # J; less is not worth a picture


def largest_differences(first: ComparedRun, other: ComparedRun) -> list[ChosenFrame]:
    """Choose the frames that both runs scored in which J of an object differs most."""
    return spread(_candidates(first, other), PAIRS)


def difference_pictures(first: ComparedRun, other: ComparedRun) -> Markup:
    """Show the frames in which two runs differ most.

    Args:
        first, other: runs over the same videos.

    Returns:
        markup of the pictures; a sentence where there are none, saying why.
    """
    chosen = largest_differences(first, other)
    if not chosen:
        return element('p', f'No frame differs by more than {_NOTICEABLE} in J.', class_='note')
    figures: dict[ChosenFrame, Markup] = {}
    problem = None
    try:
        with (
            RunPictures(first.path, first.run) as left,
            RunPictures(other.path, other.run) as right,
        ):
            for frame in sorted(chosen, key=lambda c: (c.video, c.index)):
                figures[frame] = _figure(frame, (first, left), (other, right))
    except (SourceError, OSError) as error:
        problem = element('p', f'Not every picture could be made: {error}', class_='note')
    shown = [figures[frame] for frame in chosen if frame in figures]
    if not shown:
        return join([problem])
    note = element(
        'p', 'The white line is the truth, the coloured one the prediction.', class_='note'
    )
    return join([note, problem, element('div', *shown, class_='pictures pairs')])


def _candidates(first: ComparedRun, other: ComparedRun) -> Iterator[ChosenFrame]:
    for key in first.scores.keys() & other.scores.keys():
        before, after = first.objects[key].iou, other.objects[key].iou
        for index in shared_frames(first, other, key):
            difference = abs(after[index] - before[index])
            if difference > _NOTICEABLE:
                yield ChosenFrame(key[0], '', key[1], index, difference)


def _figure(frame: ChosenFrame, *sides: tuple[ComparedRun, RunPictures]) -> Markup:
    key = (frame.video, frame.object_id)
    source = sides[0][1]
    rgb = source.image(frame.video, frame.index)
    truth = source.truth(frame.video, frame.object_id, frame.index)
    masks = [
        pictures.prediction(frame.video, run.through, frame.object_id, frame.index)
        for run, pictures in sides
    ]
    part = cut_out((truth, *masks), truth.shape)
    colour = prediction_colour(frame.object_id)
    halves = []
    for (run, _), mask in zip(sides, masks, strict=True):
        picture = draw_outlines(rgb, truth, {colour: mask}, part)
        said = what_happened(run.objects[key], frame.index)
        image = element('img', src=data_uri(picture), alt=f'{run.name}: {said}')
        halves.append(
            element('div', image, element('figcaption', element('b', run.name), f' – {said}'))
        )
    stem = sides[0][0].videos[frame.video].stems[frame.index]
    title = f'{frame.video}, frame {stem}, {describe_object(sides[0][0].objects[key])}'
    return element('figure', element('figcaption', title), element('div', *halves, class_='pair'))
