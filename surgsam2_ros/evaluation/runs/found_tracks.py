# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Scores a video whose objects were found without prompts: which is which is known at its end.

Results are kept until then, small. Tracks that are paired with an object of the truth get its id,
in records and label images; the others get free ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from surgsam2_ros.evaluation.metrics.discovery import DiscoveryTally, best_pairs
from surgsam2_ros.evaluation.metrics.identity import IGNORED
from surgsam2_ros.evaluation.records import ObjectRecord
from surgsam2_ros.evaluation.runs.frame_scores import FrameScores, ObjectResult
from surgsam2_ros.evaluation.runs.label_writer import LabelWriter
from surgsam2_ros.evaluation.runs.video import MAX_OBJECT_ID, EvaluationVideo
from surgsam2_ros.sources import SourceError
from surgsam2_ros.tracking.mask_crop import MaskCrop

_TOO_MANY = (
    f'{{}} tracks and objects of the truth are more than the {MAX_OBJECT_ID} that a label image '
    'can tell apart; raise discovery.min_score or discovery.confirm_frames, or cut the video'
)


@dataclass(frozen=True, eq=False)
class _Kept:
    """A result with its mask packed: the box (x, y, width, height) or None, and bits within it."""

    box: tuple[int, int, int, int] | None
    bits: np.ndarray
    result: ObjectResult

    @classmethod
    def of(cls, result: ObjectResult) -> _Kept:
        crop = MaskCrop.of(result.mask)
        rest = ObjectResult(None, result.score, result.presence, result.state)
        return cls(crop.box, np.packbits(crop.pixels), rest)

    def unpacked(self, size: tuple[int, int]) -> ObjectResult:
        crop = MaskCrop.empty(size)
        if self.box is not None:
            width, height = self.box[2:]
            pixels = np.unpackbits(self.bits, count=width * height).reshape(height, width)
            crop = MaskCrop(size, self.box, pixels.view(bool))
        kept = self.result
        return ObjectResult(crop.expand(), kept.score, kept.presence, kept.state)


class FoundTracks:
    """The results of a video's frames by the names that its tracks have.

    Args:
        size: (H, W) of the images.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self._frames: dict[int, dict[int, _Kept]] = {}
        self._numbers: dict[str, int] = {}

    def add(self, frame: int, results: Mapping[str, ObjectResult]) -> None:
        """Keep the results of a frame, which may be none."""
        self._frames[frame] = {
            self._numbers.setdefault(name, len(self._numbers)): _Kept.of(result)
            for name, result in results.items()
        }

    def __contains__(self, frame: int) -> bool:
        """Whether there is a result for a frame, be it without any object."""
        return frame in self._frames

    def at(self, frame: int) -> dict[int, ObjectResult]:
        """Return the results of a frame by number of the track, from 0."""
        return {number: kept.unpacked(self.size) for number, kept in self._frames[frame].items()}

    @property
    def names(self) -> list[str]:
        """Name of each track by its number."""
        return list(self._numbers)


@dataclass(frozen=True, eq=False)
class FoundScores:
    """Scores of a video whose objects were found without prompts.

    Attributes:
        scores: of the objects in the truth, each by the track that is paired with it.
        values: fields of the record that such videos have besides.
    """

    scores: FrameScores
    values: dict[str, Any]


def score_found(video: EvaluationVideo, found: FoundTracks, writer: LabelWriter) -> FoundScores:
    """Pair tracks with objects over the whole video, score them, and write the label images.

    Of an object without a track the mask is empty wherever there is a result: it is missed, from
    the first frame of the truth that shows it.

    Args:
        video: with its truth.
        found: results of its frames; those that have none are not scored.
        writer: of the video.

    Raises:
        SourceError: when there are more tracks than label images can tell apart, or the truth
            cannot be read.
    """
    tally = DiscoveryTally(found.size)
    for frame in range(len(video)):
        if (truth := video.truth(frame)) is not None:
            results = found.at(frame).items() if frame in found else None
            masks = None if results is None else {n: result.mask for n, result in results}
            tally.add(frame, truth, masks)
    first_seen = dict(sorted(tally.first_seen.items()))
    pairs = best_pairs(tally.overlap)
    ids = _label_ids(len(found.names), pairs, list(first_seen))
    scores = FrameScores({one: video.names.get(one, '') for one in first_seen}, len(video))
    others = _Others(ids, pairs, found.names, len(video))
    began: dict[int, int] = {}  # frame of each track's first result
    for frame in range(len(video)):
        truth = video.truth(frame)
        results = {}
        if frame in found:
            results = {ids[number]: result for number, result in found.at(frame).items()}
            for label in results:
                began.setdefault(label, frame)
            others.add(frame, truth, results)
            empty = ObjectResult(np.zeros(found.size, bool))
            results = dict.fromkeys(first_seen, empty) | results
            _write(writer, frame, results, found.size)
        scores.add(frame, truth, results)
    until_found = tally.frames_until_found()
    for one, record in scores.objects.items():
        # A track's prompt was in the frame before its first result.
        first = first_seen[one]
        record.first_frame = min(first, began[one] - 1) if one in pairs else first
        record.discovery = {
            'track': found.names[pairs[one]] if one in pairs else None,
            'frames_until_found': until_found.get(one),
        }
    false, paired = tally.false_tracks, set(pairs.values())
    values = {
        'others': others.records(began),
        'discovery': {
            'until_found': list(until_found.values()),
            'tracks': len(tally.tracks),
            'extra': sum(number not in paired | false for number in tally.tracks),
            'false': len(false),
        },
        'binary_iou': [tally.binary.get(frame) for frame in range(len(video))],
    }
    return FoundScores(scores, values)


def _label_ids(tracks: int, pairs: Mapping[int, int], objects: list[int]) -> dict[int, int]:
    """Give every track an id in label images: its object's, or one that no object has."""
    objects_of = {number: one for one, number in pairs.items()}
    if (count := len(objects) + tracks - len(pairs)) > MAX_OBJECT_ID:
        raise SourceError(_TOO_MANY.format(count))
    highest = max(objects, default=0)
    order = [*range(highest + 1, MAX_OBJECT_ID + 1), *range(highest, 0, -1)]
    free = (label for label in order if label not in objects)
    return {
        number: objects_of[number] if number in objects_of else next(free)
        for number in range(tracks)
    }


def _write(
    writer: LabelWriter, frame: int, results: Mapping[int, ObjectResult], size: tuple[int, int]
) -> None:
    """Write the masks of a frame; one without any is written too, since it has a result."""
    if results:
        writer.write(frame, {label: result.mask for label, result in results.items()})
    else:
        writer.write_background(frame, size)


class _Others:
    """Records of the tracks that are paired with no object.

    Their IoU is that with the object that they agree with best in a frame: their masks may be used
    whatever their names are.
    """

    def __init__(
        self, ids: Mapping[int, int], pairs: Mapping[int, int], names: list[str], frames: int
    ) -> None:
        paired = set(pairs.values())
        self._scores = {
            ids[number]: FrameScores({ids[number]: name}, frames)
            for number, name in enumerate(names)
            if number not in paired
        }

    def add(
        self, frame: int, truth: np.ndarray | None, results: Mapping[int, ObjectResult]
    ) -> None:
        for label in self._scores.keys() & results.keys():
            shown = None
            if truth is not None:
                best = _best_object(results[label].mask, truth)
                shown = np.where(truth == best, label, 0).astype(np.uint8)
            self._scores[label].add(frame, shown, {label: results[label]})

    def records(self, began: Mapping[int, int]) -> list[ObjectRecord]:
        found = [record for one in self._scores.values() for record in one.records]
        for record in found:
            record.first_frame = began[record.object_id] - 1
        return found


def _best_object(mask: np.ndarray, truth: np.ndarray) -> int:
    """Return the object of the truth with which a mask has the largest IoU; -1 without any."""
    shared = np.bincount(truth[mask], minlength=256).astype(float)
    areas = np.bincount(truth.ravel(), minlength=256)
    shared[[0, IGNORED]] = 0
    overlaps = shared / np.maximum(areas + np.count_nonzero(mask) - shared, 1)
    return int(overlaps.argmax()) if overlaps.any() else -1
