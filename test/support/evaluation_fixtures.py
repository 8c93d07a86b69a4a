# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Example runs of an evaluation: rendered clips and predictions that are wrong in known ways."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from surgsam2_ros.drawing import label_palette
from surgsam2_ros.evaluation.measures import FRAME_MEASURES
from surgsam2_ros.evaluation.metrics.identity import pooled_identity
from surgsam2_ros.evaluation.metrics.live import live_scores
from surgsam2_ros.evaluation.records import (
    ObjectRecord,
    RunRecord,
    VideoRecord,
    write_run,
    write_video,
)
from surgsam2_ros.evaluation.runs.frame_scores import FrameScores, ObjectResult
from surgsam2_ros.evaluation.runs.inputs import open_videos
from surgsam2_ros.evaluation.runs.label_writer import LabelWriter
from surgsam2_ros.evaluation.runs.video import EvaluationVideo, object_ids
from surgsam2_ros.sources import write_label_png
from surgsam2_ros.synthesis import render_clip

NAMES = ('needle_driver', 'prograsp_forceps', 'scissors', 'suction')
RATE_HZ = 15.0
# 80 of 100 objects matched at every threshold, 10 false ones, one switch.
COUNTS = {
    'HOTA_TP': [80] * 19,
    'HOTA_FN': [20] * 19,
    'HOTA_FP': [10] * 19,
    'AssA': [0.85] * 19,
    'LocA': [0.9] * 19,
    'IDTP': 78,
    'IDFN': 22,
    'IDFP': 12,
    'CLR_TP': 80,
    'CLR_FN': 20,
    'CLR_FP': 10,
    'IDSW': 1,
    'Frag': 2,
}


def an_object(iou, *, truth=None, area=None, object_id=1) -> ObjectRecord:
    """Make a record whose F and Dice equal J; by default the object is always in the truth."""
    return ObjectRecord(
        object_id,
        first_frame=next((i for i, value in enumerate(iou) if value is not None), None),
        prompted=[False] * len(iou),
        truth_area=truth or [9] * len(iou),
        area=area or [None if value is None else 9 for value in iou],
        measures={measure.field: list(iou) for measure in FRAME_MEASURES},
        on_another=[None] * len(iou),
        overlap=[None if value is None else 0.0 for value in iou],
        score=[None] * len(iou),
        presence=[None] * len(iou),
        state=[None if value is None else 'TRACKED' for value in iou],
    )


def a_video(*objects: ObjectRecord, name: str = 'a', **values) -> VideoRecord:
    """Make a record of a video with these objects."""
    stems = [f'{index:05d}' for index in range(len(objects[0].iou))]
    return VideoRecord(name, stems=stems, objects=list(objects), **values)


def a_run(*videos: str, **settings) -> RunRecord:
    """Make a record of a run over videos of these names."""
    settings = {'input': ['not/there'], **settings}
    return RunRecord('run', 'surgsam2 evaluate', settings=settings, videos=list(videos))


def write_clips(root: Path, *, videos: int = 2, frames: int = 12, size: int = 64) -> Path:
    """Render a data set of the VOS layout with the videos clip_0, clip_1, …; return its root."""
    for number in range(videos):
        rgbs, labels = render_clip(np.random.default_rng([11, number]), frames, size)
        images, annotations = (root / f / f'clip_{number}' for f in ('JPEGImages', 'Annotations'))
        for folder in (images, annotations):
            folder.mkdir(parents=True, exist_ok=True)
        for index, (rgb, label) in enumerate(zip(rgbs, labels, strict=True)):
            cv2.imwrite(str(images / f'{index:05d}.png'), rgb[..., ::-1])
            write_label_png(annotations / f'{index:05d}.png', label, label_palette())
    return root


def write_example_run(
    output: Path,
    data: Path,
    *,
    name: str = 'example',
    through: Sequence[str] = ('tracker',),
    shift: float = 0.15,
    dropped_every: int = 4,
    failed: str | None = None,
) -> Path:
    """Write a run whose masks drift away from the truth.

    Args:
        output: folder of the run.
        data: data set that `write_clips` made.
        name: of the run.
        through: 'tracker', 'node' or both.
        shift: drift to the right, in pixels per frame.
        dropped_every: of how many frames the node drops one.
        failed: name of a video that could not be read.

    Returns:
        `output`.
    """
    videos = open_videos(data)
    run = RunRecord(
        name=name,
        command=f'surgsam2 evaluate --input {data.name} --output {output.name}',
        settings={'input': [str(data)], 'prompt': 'mask', 'tracker': {'num_frame_to_prune': 2}},
        model={'name': 'drift', 'checkpoint': 'none', 'sha256': 'ab' * 32, 'device': 'cpu'},
        versions={'surgsam2_ros': '0.1.0', 'python': '3.11'},
        hardware={'processor': 'test bench', 'cores': 2},
        started='2026-01-02T03:04:05+00:00',
        videos=[video.name for video in videos] + ([failed] if failed else []),
    )
    write_run(output, run)
    for side in through:
        for video in videos:
            every = dropped_every if side == 'node' else 0
            write_video(output, _record(video, output, side, shift, every))
        if failed:
            write_video(
                output,
                VideoRecord(failed, side, error='clip_x.mcap is truncated; record it again'),
            )
    return output


def _record(
    video: EvaluationVideo, output: Path, side: str, shift: float, dropped_every: int
) -> VideoRecord:
    """Predict what the truth shows, later shifted further, and score it as a run does."""
    with video:
        truths = [video.truth(index) for index in range(len(video))]
        ids = sorted({value for labels in truths for value in object_ids(labels)})
        first = {i: next(f for f, t in enumerate(truths) if (t == i).any()) for i in ids}
        scores = FrameScores({i: NAMES[(i - 1) % len(NAMES)] for i in ids}, len(video))
        root = output / 'node' if side == 'node' else output
        writer = LabelWriter(root, video.name, video.stems)
        dropped = [f for f in range(1, len(video)) if dropped_every and f % dropped_every == 2]
        for object_id, frame in first.items():
            scores.note_prompt(frame, object_id)
        for frame, truth in enumerate(truths):
            known = [i for i in ids if first[i] <= frame and frame not in dropped]
            results = {i: _result(truth == i, shift * (frame - first[i]), frame) for i in known}
            scores.add(frame, truth, results)
            writer.write(frame, {i: result.mask for i, result in results.items()})
        sent = [round(index * 1e9 / RATE_HZ) for index in range(len(video))]
        delays = np.random.default_rng(len(video)).gamma(9, 6, len(video))
        arrived = [
            None if index in dropped else stamp + round(delays[index] * 1e6)
            for index, stamp in enumerate(sent)
        ]
        node = side == 'node'
        return VideoRecord(
            video=video.name,
            through=side,
            warnings=['stamps 3 and 4 are equal'] if video.name.endswith('0') else [],
            images=str(video.images),
            size=video.size,
            stems=list(video.stems),
            stamps_ns=sent if node else None,
            dropped=dropped,
            latency_ms=[
                None if a is None else (a - s) / 1e6 for s, a in zip(sent, arrived, strict=True)
            ]
            if node
            else None,
            inference_ms=[None if i in dropped else 30.0 + i % 7 for i in range(len(video))],
            objects=scores.records,
            identity_counts=COUNTS,
            identity=pooled_identity([COUNTS]),
            live=live_scores(sent, arrived) if node else {},
        )


def _result(truth: np.ndarray, shift: float, age: int) -> ObjectResult:
    mask = np.roll(truth, round(shift), axis=1)
    if not mask.any():
        return ObjectResult(mask, 0.1, 0.02, 'OCCLUDED')
    return ObjectResult(mask, 0.9, 0.97, 'TENTATIVE' if age < 3 else 'TRACKED')
