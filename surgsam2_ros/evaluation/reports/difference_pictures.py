# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of the frames in which two runs differ most, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from surgsam2_ros.evaluation.reports.comparison import ComparedRun, shared_frames
from surgsam2_ros.evaluation.reports.frame_choice import ChosenFrame, spread
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
NOTICEABLE = 0.02  # J; less is not worth a picture


@dataclass(frozen=True)
class PicturePair:
    """A frame of two runs.

    Attributes:
        title: video, frame and object.
        halves: name of the run, URI of the picture, and what happened, of each.
    """

    title: str
    halves: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class DifferencePictures:
    """The frames in which two runs differ most.

    Attributes:
        pairs: the largest difference first.
        differ: whether there is any worth a picture.
        problem: why some could not be made; empty where all were.
    """

    pairs: tuple[PicturePair, ...] = ()
    differ: bool = True
    problem: str = ''


def largest_differences(first: ComparedRun, other: ComparedRun) -> list[ChosenFrame]:
    """Choose the frames that both runs scored in which J of an object differs most."""
    return spread(_candidates(first, other), PAIRS)


def difference_pictures(first: ComparedRun, other: ComparedRun) -> DifferencePictures:
    """Show the frames in which two runs differ most.

    Args:
        first, other: runs over the same videos.
    """
    chosen = largest_differences(first, other)
    if not chosen:
        return DifferencePictures(differ=False)
    made: dict[ChosenFrame, PicturePair] = {}
    problem = ''
    try:
        with (
            RunPictures(first.path, first.run) as left,
            RunPictures(other.path, other.run) as right,
        ):
            for frame in sorted(chosen, key=lambda c: (c.video, c.index)):
                made[frame] = _pair(frame, (first, left), (other, right))
    except (SourceError, OSError) as error:
        problem = str(error)
    return DifferencePictures(tuple(made[c] for c in chosen if c in made), problem=problem)


def _candidates(first: ComparedRun, other: ComparedRun) -> Iterator[ChosenFrame]:
    for key in first.scores.keys() & other.scores.keys():
        before, after = first.objects[key].iou, other.objects[key].iou
        for index in shared_frames(first, other, key):
            difference = abs(after[index] - before[index])
            if difference > NOTICEABLE:
                yield ChosenFrame(key[0], '', key[1], index, difference)


def _pair(frame: ChosenFrame, *sides: tuple[ComparedRun, RunPictures]) -> PicturePair:
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
        halves.append((run.name, data_uri(picture), said))
    stem = sides[0][0].videos[frame.video].stems[frame.index]
    title = f'{frame.video}, frame {stem}, {describe_object(sides[0][0].objects[key])}'
    return PicturePair(title, tuple(halves))
