# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Turns the recording of a demo into overlaps with the truth, a video and a contact sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from surgsam2_ros.drawing import (
    STATE_NAMES,
    DrawnTrack,
    contact_sheet,
    draw_contour,
    draw_overlay,
)
from surgsam2_ros.evaluation.metrics import match_objects
from surgsam2_ros.evaluation.runs.frame_scores import FrameScores, ObjectResult
from surgsam2_ros.live.demo_summary import DemoObject
from surgsam2_ros.live.recorded_tracks import Aligned, mask_of_track, read_tracks
from surgsam2_ros.sources import BagReader, peek_header, read_labels
from surgsam2_ros.sources.bag_frames import decode_message

if TYPE_CHECKING:
    from surgsam2_ros.nodes.replay.bag_replay import ScheduledPrompts
    from surgsam2_ros.sources.video_output import VideoOutput

SHEET_TILES = 12
_TRUTH_COLOUR = (255, 255, 255)

Item = TypeVar('Item')


@dataclass
class DemoReport:
    """What a demo's recording says.

    Attributes:
        model: name of the network.
        objects: one record per object, in the order of their instances.
        inferences_ms: time that network and tracker took for each image [ms].
        dropped: images that the node says it did not process.
        sheet: contact sheet, uint8 [height, width, 3] RGB; None when there are no results.
    """

    model: str = ''
    objects: dict[str, DemoObject] = field(default_factory=dict)
    inferences_ms: list[float] = field(default_factory=list)
    dropped: int = 0
    sheet: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class _Recorded:
    """One image of the recording with what belongs to it; `truth` may be None."""

    index: int
    stamp_ns: int
    rgb: np.ndarray
    message: Any
    tracks: list[DrawnTrack]
    truth: np.ndarray | None


def make_report(
    recording: Path,
    topics: tuple[str, str],
    truth: tuple[BagReader, str] | None,
    prompts: Sequence[ScheduledPrompts],
    *,
    matched_by_label: bool,
    title: str,
    total: int,
    video: VideoOutput | None = None,
    on_frame: Callable[[int], None] = lambda count: None,
) -> DemoReport:
    """Compare a recording with its truth and draw it.

    Overlaps are counted from the image after the one in which an object was prompted.

    Args:
        recording: bag with images and tracks.
        topics: of the images and of the tracks.
        truth: bag and topic of the truth, or None.
        prompts: what the node was given.
        matched_by_label: whether the prompts' labels are values of the truth; if not, objects are
            matched by their overlap in the first prompted image.
        title: name of what was replayed, for the contact sheet.
        total: number of images.
        video: gets every image with its overlay.
        on_frame: called with the number of images done.
    """
    report = DemoReport()
    prompted_ns = {p.object_id: due.stamp_ns for due in prompts for p in due.prompts}
    matches = {p.object_id: p.label for due in prompts for p in due.prompts}
    scores = _scores_of(matches, total) if truth is not None and matched_by_label else None
    wanted = {round(i) for i in np.linspace(0, total - 1, min(SHEET_TILES, total))}
    tiles: list[tuple[np.ndarray, str]] = []
    for item in _read_recording(recording, topics, truth):
        overlaps: dict[str, float] = {}
        if item.truth is not None:
            if scores is None:
                matches = _match(item, matches)
                scores = _scores_of(matches, total)
            overlaps = _score(scores, item, matches, prompted_ns)
        _count(report, item)
        picture = draw_overlay(item.rgb, item.tracks)
        if video is not None:
            video.write(picture)
        if item.index in wanted:
            first_ns = prompts[0].stamp_ns if prompts else item.stamp_ns
            tiles.append(_tile(picture, item, overlaps, matches, first_ns))
        on_frame(item.index + 1)
    for object_id, value in matches.items() if scores is not None else ():
        known = report.objects.setdefault(object_id, DemoObject(object_id))
        known.record = scores.objects[value]
    if tiles:
        compared = 'white: truth' if truth is not None else 'no truth'
        heading = f'{report.model}   {title}   {compared}'
        report.sheet = contact_sheet(*zip(*tiles, strict=True), title=heading)
    return report


def _read_recording(
    recording: Path, topics: tuple[str, str], truth: tuple[BagReader, str] | None
) -> Iterator[_Recorded]:
    image_topic, tracks_topic = topics
    with BagReader(recording) as images, BagReader(recording) as results:
        tracks = Aligned(read_tracks(results, tracks_topic))
        labels = Aligned(read_labels(*truth)) if truth is not None else None
        for index, message in enumerate(images.messages([image_topic])):
            stamp_ns, _ = peek_header(message.data)
            found = tracks.at(stamp_ns)
            if found is None:
                continue
            rgb = decode_message(images.deserialize(message))
            drawn = [_drawn_track(track, rgb.shape[:2]) for track in found.tracks]
            true_labels = labels.at(stamp_ns) if labels is not None else None
            yield _Recorded(index, stamp_ns, rgb, found, drawn, true_labels)


def read_compared(
    recording: Path, topics: tuple[str, str], truth: tuple[BagReader, str]
) -> Iterator[tuple[np.ndarray, list[tuple[str, np.ndarray]]]]:
    """Read the truth, uint8 [H, W], and the masks by object id of each image that has both."""
    for item in _read_recording(recording, topics, truth):
        if item.truth is not None:
            yield item.truth, [(track.object_id, track.mask) for track in item.tracks]


def _drawn_track(track: Any, image_size: tuple[int, int]) -> DrawnTrack:
    return DrawnTrack(
        track.object_id,
        track.instance,
        mask_of_track(track, image_size),
        track.score,
        track.state,
        track.frames_since_seen,
    )


def _match(item: _Recorded, known: dict[str, int]) -> dict[str, int]:
    """Pair objects with truth values by overlap; object ids without a partner are left out."""
    predicted = np.zeros(item.truth.shape, np.uint8)
    for track in item.tracks:
        predicted[track.mask] = track.instance
    names = {track.instance: track.object_id for track in item.tracks}
    pairs = match_objects(predicted, item.truth).items()
    return {names[i]: value for value, i in pairs if names[i] in known}


def _scores_of(matches: dict[str, int], total: int) -> FrameScores:
    return FrameScores({value: object_id for object_id, value in matches.items()}, total)


def _score(
    scores: FrameScores, item: _Recorded, matches: dict[str, int], prompted_ns: dict[str, int]
) -> dict[str, float]:
    """Score an image; return the IoU by object id of what was prompted before it.

    A track that is missing is an empty mask.
    """
    tracks = {track.object_id: track for track in item.tracks}
    nothing = np.zeros(item.truth.shape, bool)
    results, later = {}, []
    for object_id, value in matches.items():
        track, since = tracks.get(object_id), item.stamp_ns - prompted_ns[object_id]
        if since >= 0 and scores.objects[value].first_frame is None:
            # The image of the prompt may have got no result; then it is one before this.
            scores.note_prompt(item.index - (since > 0), value)
        if since > 0:
            later.append(object_id)
        results[value] = (
            ObjectResult(nothing)
            if track is None
            else ObjectResult(track.mask, track.score, state=STATE_NAMES[track.state])
        )
    scores.add(item.index, item.truth, results)
    return {object_id: scores.objects[matches[object_id]].iou[item.index] for object_id in later}


def _count(report: DemoReport, item: _Recorded) -> None:
    report.model = item.message.model
    report.inferences_ms.append(float(item.message.inference_ms))
    report.dropped += int(item.message.dropped_since_last)
    for track in item.tracks:
        record = report.objects.setdefault(track.object_id, DemoObject(track.object_id))
        record.states[STATE_NAMES[track.state]] += 1


def _tile(
    picture: np.ndarray,
    item: _Recorded,
    overlaps: dict[str, float],
    matches: dict[str, int],
    first_ns: int,
) -> tuple[np.ndarray, str]:
    """Return one picture of the sheet, with the truth's contours, and its caption."""
    picture = picture.copy()
    if item.truth is not None:
        for value in matches.values():
            draw_contour(picture, item.truth == value, _TRUTH_COLOUR, halo=False)
    caption = f'{(item.stamp_ns - first_ns) / 1e9:.2f} s'
    if overlaps:
        caption += '   IoU ' + '  '.join(f'{overlap:.2f}' for overlap in overlaps.values())
    return picture, caption
