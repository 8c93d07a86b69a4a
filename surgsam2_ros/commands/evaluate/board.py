# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 evaluate --board`: the figures that a network is held to, on data sets of videos."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
from typing import TYPE_CHECKING

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.command_line import command_line
from surgsam2_ros.commands.evaluate.options import choose_network, choose_tracker, processes_for
from surgsam2_ros.commands.pictures import told_if_missing
from surgsam2_ros.commands.progress import Progress

if TYPE_CHECKING:
    from surgsam2_ros.evaluation.runs.video import EvaluationVideo


def run_board(options: argparse.Namespace) -> int:
    """Measure all videos of the boards, print tables and write the files; returns 0."""
    from surgsam2_ros.benchmarks.frame_cost import gflop_per_frame
    from surgsam2_ros.evaluation.board_tables import board_report
    from surgsam2_ros.evaluation.reports.board_files import describe_boards, write_boards
    from surgsam2_ros.evaluation.runs.board_runs import board_jobs, measure
    from surgsam2_ros.evaluation.runs.jobs import load_once

    network = choose_network(options)
    tracker = choose_tracker(options, network)
    jobs = board_jobs(
        _boards(options),
        network,
        tracker,
        corrections=options.corrections,
        seed=options.seed,
        baselines=options.baselines,
    )
    made = {
        'command': command_line(),
        'started': datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'),
        'behaviour': options.behaviour,
        'corrections_per_video': options.corrections,
        'seed': options.seed,
    }
    with Progress(len(jobs), 'boards') as progress:
        measured = measure(
            jobs,
            processes_for(options, network, len(jobs)),
            on_finished=lambda done, job: progress.update(done),
        )
    gflop = gflop_per_frame(load_once(network), tracker)
    report = describe_boards(measured, network, dataclasses.asdict(tracker), made, gflop)
    print(board_report(report))
    if options.json is not None:
        written = write_boards(options.json, report, measured)
        picture = options.json.with_suffix('.reliability.png')
        with told_if_missing():
            from surgsam2_ros.benchmarks.reliability_picture import write_reliability

            write_reliability(picture, report)
            written.append(picture)
        print(f'written to {options.json.parent}: {", ".join(path.name for path in written)}')
    return 0


def _boards(options: argparse.Namespace) -> dict[str, list[EvaluationVideo]]:
    """Open the videos of every --input, those of --videos alone; by name of the folder."""
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
    if not options.videos:
        return boards
    return {
        name: [video for video in videos if video.name in options.videos]
        for name, videos in boards.items()
    }
