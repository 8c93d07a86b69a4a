# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What an evaluation writes down: one file per run and one per video, from which reports are made.

An output folder holds `run.json`, `records/<through>/<video>.json`, and the label images of the
videos in the layout of the authors' tools.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from surgsam2_ros.evaluation.measures import FRAME_MEASURES

SCHEMA = 1
THROUGH = ('tracker', 'node')


class RecordError(ValueError):
    """A file of an evaluation that is damaged or of another version."""


@dataclass
class ObjectRecord:
    """One object of a video; every list has one entry per frame of the video.

    Attributes:
        object_id: value in the truth, 1 to 254.
        name: class or topic name; may be empty.
        first_frame: index of the frame where it was first prompted; where it was to be found, that
            where it is first in the truth, or tracked. None: never in the truth.
        prompted: whether a prompt or correction was given for the frame.
        truth_area: px of the truth; None where a frame has no truth.
        area: px of the prediction; None where no result came (dropped, or not yet prompted).
        measures: by field of `measures.FRAME_MEASURES`, such as 'iou'; None where truth or result
            is missing. Files have them beside the other lists.
        on_another: whether the prediction lies on another object of the truth (IoU of 0.5 or more);
            None likewise. Empty in records of versions that did not look.
        overlap: largest share of the prediction that another object's covers, 0 to 1; None without
            a result. Empty likewise.
        score: predicted IoU; presence: probability of being visible; None without a result.
        state: name of the track state; None without a result.
        discovery: of an object that was to be found: 'track', the name of the track that is paired
            with it, or None; 'frames_until_found', None where it was not. Empty of others.
    """

    object_id: int
    name: str = ''
    first_frame: int | None = None
    prompted: list[bool] = field(default_factory=list)
    truth_area: list[int | None] = field(default_factory=list)
    area: list[int | None] = field(default_factory=list)
    measures: dict[str, list[float | None]] = field(default_factory=dict)
    on_another: list[bool | None] = field(default_factory=list)
    overlap: list[float | None] = field(default_factory=list)
    score: list[float | None] = field(default_factory=list)
    presence: list[float | None] = field(default_factory=list)
    state: list[str | None] = field(default_factory=list)
    discovery: dict[str, Any] = field(default_factory=dict)

    @property
    def iou(self) -> list[float | None]:
        """J by frame."""
        return self.measures['iou']


@dataclass
class VideoRecord:
    """One video, through the tracker or through the node.

    Attributes:
        video: name.
        through: of THROUGH, or the name of a baseline.
        error: why it could not be evaluated; None when it was.
        warnings: what is odd about it, for people.
        images: where its images are, so that reports can show them: a folder or bag.
        image_topic: of a bag.
        size: (H, W) of the first image.
        stems: file names (or stamps) of the frames without suffix, in order.
        stamps_ns: of the images of a bag; None otherwise.
        dropped: indices of frames without a result.
        latency_ms: from publishing an image to the arrival of its result (node), else None.
        inference_ms: of each frame; None where no result came.
        objects: those of the truth, in the order of their ids.
        identity_counts: from which `metrics.identity.pooled_identity` scores any number of videos;
            empty when TrackEval is not installed.
        identity: the scores of this video; empty when unknown.
        live: the measures of `metrics.live` (node), else empty.
        others: where objects were to be found, the tracks that are paired with none, each by the
            name it had; their measures are with the object that they agree with best in a frame.
        discovery: of such a video: 'until_found', a list as of `metrics.discovery`, and the counts
            'tracks', 'extra' and 'false'. Empty of others.
        binary_iou: of such a video, by frame the IoU of instrument against background; None without
            truth or result. Empty of others.
    """

    video: str
    through: str = 'tracker'
    error: str | None = None
    warnings: list[str] = field(default_factory=list)
    images: str = ''
    image_topic: str | None = None
    size: tuple[int, int] | None = None
    stems: list[str] = field(default_factory=list)
    stamps_ns: list[int] | None = None
    dropped: list[int] = field(default_factory=list)
    latency_ms: list[float | None] | None = None
    inference_ms: list[float | None] = field(default_factory=list)
    objects: list[ObjectRecord] = field(default_factory=list)
    identity_counts: dict[str, Any] = field(default_factory=dict)
    identity: dict[str, float] = field(default_factory=dict)
    live: dict[str, float | None] = field(default_factory=dict)
    others: list[ObjectRecord] = field(default_factory=list)
    discovery: dict[str, Any] = field(default_factory=dict)
    binary_iou: list[float | None] = field(default_factory=list)


@dataclass
class RunRecord:
    """What was run, with what and where; the same for all videos of an output folder.

    Attributes:
        name: of the run, shown in comparisons (default: the folder's name).
        command: as given in the shell.
        settings: everything that decides the results: input, truth, prompts, corrections,
            tracker parameters, protocol. A run goes on only with equal settings.
        model: name, checkpoint, sha256 of the weights, image_size, device.
        versions: of surgsam2_ros, Python, torch, numpy, OpenCV and ROS.
        hardware: processor, cores, memory_gb, gpu.
        started: ISO 8601, UTC.
        videos: names of all videos, in order.
    """

    name: str
    command: str
    settings: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    hardware: dict[str, Any] = field(default_factory=dict)
    started: str = ''
    videos: list[str] = field(default_factory=list)


def write_run(output: Path, run: RunRecord) -> None:
    """Write run.json."""
    _write(output / 'run.json', dataclasses.asdict(run))


def read_run(output: Path) -> RunRecord:
    """Read run.json.

    Raises:
        FileNotFoundError: when the folder holds no run.
        RecordError: naming a file that is damaged or of another version.
    """
    path, remedy = output / 'run.json', 'evaluate again into another folder'
    return _build(RunRecord, _read(path, remedy), path, remedy)


def video_path(output: Path, through: str, video: str) -> Path:
    """Path of a video's record."""
    return output / 'records' / folder_name(through) / f'{video}.json'


def folder_name(through: str) -> str:
    """Name of the folder for what went through something: 'dis_optical_flow_grabcut'."""
    return '_'.join(re.findall(r'\w+', through.lower()))


def write_video(output: Path, record: VideoRecord) -> None:
    """Write the record of a video, at once: an interrupted run leaves no half of it."""
    values = dataclasses.asdict(record)
    for entry in (*values['objects'], *values['others']):
        entry.update(entry.pop('measures'))
    _write(video_path(output, record.through, record.video), values)


def read_video(output: Path, through: str, video: str) -> VideoRecord:
    """Read the record of a video.

    Raises:
        FileNotFoundError: when there is none.
        RecordError: naming a file that is damaged or of another version.
    """
    path, remedy = video_path(output, through, video), 'remove it and evaluate again'
    values = _read(path, remedy)
    objects, others = (
        [_build_object(entry, path, remedy) for entry in values.pop(key, [])]
        for key in ('objects', 'others')
    )
    record = _build(VideoRecord, values, path, remedy)
    record.objects, record.others = objects, others
    record.size = None if record.size is None else tuple(record.size)
    return record


def read_videos(output: Path, through: str) -> Iterator[VideoRecord]:
    """Read the records of all videos of a run that are there, in the run's order."""
    for video in read_run(output).videos:
        if video_path(output, through, video).exists():
            yield read_video(output, through, video)


def _write(path: Path, values: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f'.{path.name}.part')
    unfinished.write_text(json.dumps({'schema': SCHEMA, **values}), encoding='utf-8')
    unfinished.replace(path)


def _read(path: Path, remedy: str) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding='utf-8'))
        schema = values.pop('schema', None)
    except (ValueError, AttributeError) as error:
        raise RecordError(f'{path} is damaged ({error}); {remedy}') from error
    if schema != SCHEMA:
        raise RecordError(f'{path} has schema {schema}, this version reads {SCHEMA}')
    return values


def _build_object(values: dict[str, Any], path: Path, remedy: str) -> ObjectRecord:
    """Make an object's record; a measure that the file does not know yet is nowhere known."""
    unknown = [None] * len(values.get('truth_area', []))
    measures = {m.field: values.pop(m.field, unknown) for m in FRAME_MEASURES}
    return _build(ObjectRecord, {**values, 'measures': measures}, path, remedy)


def _build(cls: type, values: dict[str, Any], path: Path, remedy: str) -> Any:
    try:
        return cls(**values)
    except TypeError as error:
        raise RecordError(f'{path} is damaged ({error}); {remedy}') from error
