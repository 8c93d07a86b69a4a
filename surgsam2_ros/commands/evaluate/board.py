# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 evaluate --board`: the figures that a network is held to, on data sets of videos."""

from __future__ import annotations

import argparse
import contextlib
import csv
import dataclasses
import datetime
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.evaluate.options import choose_network, choose_tracker, processes_for

if TYPE_CHECKING:
    from surgsam2_ros.evaluation.board import VideoMeasurement
    from surgsam2_ros.evaluation.runs.board_runs import BoardJob
    from surgsam2_ros.evaluation.runs.settings import NetworkChoice
    from surgsam2_ros.tracking import TrackerConfig

_STEADY_FRAMES = 20  # from which on memories and object pointers are as many as they get


def run_board(options: argparse.Namespace) -> int:
    """Measure all videos of the boards, print tables and write the files; returns 0."""
    from surgsam2_ros.commands.progress import Progress
    from surgsam2_ros.evaluation.board import board_figures, judge_together
    from surgsam2_ros.evaluation.board_tables import board_report
    from surgsam2_ros.evaluation.runs.board_runs import measure

    network = choose_network(options)
    tracker = choose_tracker(options, network)
    jobs = _jobs(options, network, tracker)
    with Progress(len(jobs), 'boards') as progress:
        measured = measure(
            jobs,
            processes_for(options, network, len(jobs)),
            on_finished=lambda done, job: progress.update(done),
        )
    settings = dataclasses.asdict(tracker)
    report = {
        **_describe(options, network, settings),
        'gflop_per_frame': _gflop_per_frame(network, tracker),
        'boards': [board_figures(name, videos, settings) for name, videos in measured.items()],
        'all_boards': judge_together(measured, 'mask', settings),
    }
    print(board_report(report))
    if options.json is not None:
        _write(options.json, report, measured)
    return 0


def _jobs(
    options: argparse.Namespace, network: NetworkChoice, tracker: TrackerConfig
) -> list[BoardJob]:
    """Return a job per video, and another one for its baselines where these are wanted."""
    from surgsam2_ros.evaluation.runs.board_runs import BoardJob
    from surgsam2_ros.evaluation.runs.inputs import open_videos

    boards = {}
    for root in options.input:
        name = root.resolve().name
        if name in boards:
            raise CommandError(
                f'--input has two boards named {name}; give one of them another name'
            )
        boards[name] = open_videos(
            root,
            options.truth,
            image_topic=options.image_topic,
            truth_topic=options.truth_topic,
            tolerance_ms=options.tolerance_ms,
        )
    names = {video.name for videos in boards.values() for video in videos}
    unknown = [name for name in options.videos if name not in names]
    if unknown:
        raise CommandError(
            f'--videos {unknown[0]}: there is no such video; there are {", ".join(sorted(names))}'
        )
    jobs = []
    for name, videos in boards.items():
        for video in videos:
            if options.videos and video.name not in options.videos:
                continue
            job = BoardJob(name, video, network, tracker, options.corrections, options.seed)
            jobs.append(job)
            if options.baselines:
                jobs.append(dataclasses.replace(job, network=None))
    return jobs


def _describe(
    options: argparse.Namespace, network: NetworkChoice, settings: Mapping[str, Any]
) -> dict[str, Any]:
    from surgsam2_ros.evaluation.runs.run_description import (
        describe_hardware,
        describe_model,
        describe_versions,
    )

    return {
        'schema': 1,
        'command': shlex.join(['surgsam2', *sys.argv[1:]]),
        'started': datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'),
        'model': describe_model(network),
        'behaviour': options.behaviour,
        'tracker': dict(settings),
        'corrections_per_video': options.corrections,
        'seed': options.seed,
        'versions': describe_versions(),
        'hardware': describe_hardware(network.device),
    }


def _gflop_per_frame(choice: NetworkChoice, tracker: TrackerConfig) -> dict[str, float] | None:
    """Count the operations of a frame with one and two objects once the memory is full.

    Benchmarks are no part of an installation that only runs the node; None without them.
    """
    try:
        from surgsam2_ros.benchmarks.cases import moving_boxes
        from surgsam2_ros.benchmarks.measuring import count
    except ImportError:
        return None
    from surgsam2_ros.evaluation.runs.jobs import load_once
    from surgsam2_ros.tracking import StreamingTracker

    network, found = load_once(choice).requires_grad_(False), {}
    for objects in (1, 2):
        clip, boxes = moving_boxes(_STEADY_FRAMES + 1, objects)
        tracking = StreamingTracker(network, tracker)
        for number, box in enumerate(boxes):
            tracking.add_object(str(number), box=box)
        for rgb in clip[:-1]:
            tracking.track(rgb)
        found[str(objects)] = round(count(lambda t=tracking, c=clip: t.track(c[-1])).gflop, 3)
    return found


def _write(
    path: Path, report: Mapping[str, Any], measured: Mapping[str, Sequence[VideoMeasurement]]
) -> None:
    """Write the report, beside it a line per object-frame and the reliability diagram."""
    from surgsam2_ros.evaluation.reports.report_files import write_json

    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, rounded(report))
    _write_frames(path.with_suffix('.frames.csv'), measured)
    written = [path.name, path.with_suffix('.frames.csv').name]
    with contextlib.suppress(ImportError):
        from surgsam2_ros.benchmarks.reliability_picture import write_reliability

        write_reliability(path.with_suffix('.reliability.png'), report)
        written.append(path.with_suffix('.reliability.png').name)
    print(f'written to {path.parent}: {", ".join(written)}')


def _write_frames(path: Path, measured: Mapping[str, Sequence[VideoMeasurement]]) -> None:
    from surgsam2_ros.evaluation.measures import FRAME_MEASURES

    fields = [measure.field for measure in FRAME_MEASURES]
    columns = ('score', 'presence', 'state', 'area', 'truth_area')
    with path.open('w', encoding='utf-8', newline='') as file:
        table = csv.writer(file)
        table.writerow(
            ['board', 'video', 'prompt', 'object', 'frame', 'prompted', *fields, *columns]
        )
        for board, videos in measured.items():
            for video in videos:
                for kind, records in video.tracks.items():
                    for record in records:
                        for frame, given in enumerate(record.prompted):
                            values = [record.measures[field][frame] for field in fields]
                            values += [getattr(record, column)[frame] for column in columns]
                            values = [rounded(value) for value in values]
                            place = [board, video.video, kind, record.object_id, frame, int(given)]
                            table.writerow([*place, *values])


def rounded(value: Any) -> Any:
    """Round all fractions to five digits, which is more than they are worth."""
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(entry) for entry in value]
    return round(value, 5) if isinstance(value, float) else value
