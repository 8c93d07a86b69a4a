# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 evaluate`: tracks videos that have a truth, scores them and writes a report."""

from __future__ import annotations

import argparse
import datetime
import errno
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.command_line import command_line
from surgsam2_ros.commands.evaluate.discovery import choose_discovery
from surgsam2_ros.commands.evaluate.options import (
    add_arguments,
    choose_network,
    choose_tracker,
    complete,
    find_inputs,
    processes_for,
    read_object_ids,
)
from surgsam2_ros.commands.evaluate.progress import EvaluationProgress
from surgsam2_ros.commands.evaluate.report import write_report
from surgsam2_ros.live.interruption import termination_as_interrupt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from surgsam2_ros.evaluation.records import RunRecord
    from surgsam2_ros.evaluation.runs.settings import RunSettings
    from surgsam2_ros.evaluation.runs.video import EvaluationVideo

_HELP = """\
input:
  ROOT with JPEGImages/VIDEO/*.jpg and Annotations/VIDEO/*.png (pixel = object id), or ROOT/valid
  of that layout. Where ROOT/VOS/Annotations_vos_instrument is there, prompts come from it.
  A bag, or folders of bags at any depth. The truth is --truth-topic (in the bag, or in the bag of
  the same name below --truth), or a folder --truth/BAG of PNGs named after stamps
  (1700000000.123456789.png) or frame numbers. Stamps match within --tolerance-ms.
  A folder of images with --truth, a folder of label images of the same names.

output:
  OUTPUT/VIDEO/OBJECT/FRAME.png  masks, pixel = object id, and OUTPUT/VIDEO/all/FRAME.png
  OUTPUT/node/VIDEO/…            the same of the node, OUTPUT/baselines/NAME/VIDEO/… of --baselines
  report.html, summary.json, per_frame.csv; run.json and records/, from which they are made

boards:
  surgsam2 evaluate --board --input ROOT … --checkpoint FILE --json OUT.json
  follows the objects of every video from masks, boxes and clicks, one object-frame's correction
  at a time, and says how far the states can be believed. OUT.frames.csv has every object-frame,
  OUT.reliability.png the predicted beside the true IoU.

A run that was interrupted goes on when the same command is given again; videos that failed are
tried again. The status is 1 when a video failed.
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        'evaluate',
        help='track videos that have a truth, score them and write a report',
        description='Track videos that have a truth, through the tracker or through the real node, '
        'score them and write a report.',
        epilog=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate all videos; returns 0, or 1 when one failed."""
    from surgsam2_ros.evaluation.baselines import available_baselines
    from surgsam2_ros.evaluation.runs.inputs import open_videos
    from surgsam2_ros.evaluation.runs.output_folder import prepare_output

    options = complete(arguments)
    options.input = find_inputs(options)
    if options.board:
        from surgsam2_ros.commands.evaluate.board import run_board

        with termination_as_interrupt():
            return run_board(options)
    videos = open_videos(
        options.input,
        options.truth,
        image_topic=options.image_topic,
        truth_topic=options.truth_topic,
        tolerance_ms=options.tolerance_ms,
        only=options.videos,
    )
    _check_output(options.output, videos)
    options.network = choose_network(options)
    settings = _choose_settings(options)
    _check_tools(options, settings)
    run_record = _describe(options, settings, videos)
    prepare_output(options.output, run_record, overwrite=options.overwrite)
    with termination_as_interrupt(), _full_disk_named(options.output):
        for through in ('tracker', 'node'):
            if options.through in (through, 'both'):
                _evaluate(through, videos, settings, options)
        if options.baselines:
            for name in available_baselines():
                _evaluate(name, videos, settings, options)
        return write_report(options, run_record)


def _choose_settings(options: argparse.Namespace) -> RunSettings:
    from surgsam2_ros.evaluation.runs.prompting import PromptSettings
    from surgsam2_ros.evaluation.runs.settings import RunSettings

    objects, expected = read_object_ids(options.objects)
    return RunSettings(
        prompts=PromptSettings(
            kind=options.prompt,
            seed=options.seed,
            correct_every=options.correct_every,
            correct_below=options.correct_below,
            objects=objects,
            expected=expected,
        ),
        tracker=choose_tracker(options, options.network),
        jointly=not options.one_at_a_time,
        discovery=choose_discovery(options, options.network),
    )


def _check_output(output: Path, videos: list[EvaluationVideo]) -> None:
    """Refuse an output folder that holds an input, or would be taken for a video of it."""
    place = output.resolve()
    for video in videos:
        folder = video.images.resolve()
        beside = place.parent == folder.parent and folder.parent.name == 'JPEGImages'
        if beside or (place in (folder, *folder.parents) and not (output / 'run.json').exists()):
            raise CommandError(
                f'--output {output} lies among the images of {folder}, or holds them; name another '
                'folder'
            )


def _check_tools(options: argparse.Namespace, settings: RunSettings) -> None:
    """Say before the work what will be missing after it."""
    from surgsam2_ros.evaluation.metrics.identity import MissingTrackEvalError, load_trackeval

    if options.through in ('node', 'both'):
        from surgsam2_ros.live.evaluation import check_node_settings

        check_node_settings(options.network, settings)
    try:
        load_trackeval()
    except MissingTrackEvalError as error:
        print(f'note: {error}; the run goes on without', file=sys.stderr)


def _describe(
    options: argparse.Namespace, settings: RunSettings, videos: list[EvaluationVideo]
) -> RunRecord:
    import dataclasses

    from surgsam2_ros.evaluation.records import RunRecord
    from surgsam2_ros.evaluation.runs.run_description import (
        describe_hardware,
        describe_model,
        describe_versions,
    )

    network = options.network
    values = {
        'input': [str(path.resolve()) for path in options.input],
        'truth': None if options.truth is None else str(options.truth.resolve()),
        'image_topic': options.image_topic,
        'truth_topic': options.truth_topic,
        'tolerance_ms': options.tolerance_ms,
        'prompt': options.prompt,
        'seed': options.seed,
        'correct_every': options.correct_every,
        'correct_below': options.correct_below,
        'objects': list(settings.prompts.objects),
        'one_at_a_time': options.one_at_a_time,
        'behaviour': options.behaviour,
        'tracker': dataclasses.asdict(settings.tracker),
        'discovery': _describe_discovery(settings),
        'network': dict(network.changes),
        'device': network.device,
        'precision': network.precision,
        'threads': network.threads,
        'skip_ends': options.skip_ends,
        'through': options.through,
        'baselines': options.baselines,
        'rate_hz': options.rate,
        'overlay': options.overlay,
    }
    return RunRecord(
        name=options.name or options.output.resolve().name,
        command=command_line(),
        settings=values,
        model=describe_model(network),
        versions=describe_versions(),
        hardware=describe_hardware(network.device),
        started=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'),
        videos=[video.name for video in videos],
    )


def _describe_discovery(settings: RunSettings) -> dict[str, Any] | None:
    """Return what decides which instruments are found, or None where they are prompted."""
    import dataclasses

    from surgsam2_ros.network.checkpoint import file_sha256

    if settings.discovery is None:
        return None
    chosen = settings.discovery
    return {**dataclasses.asdict(chosen.settings), 'detector': file_sha256(chosen.detector)}


def _evaluate(
    through: str,
    videos: list[EvaluationVideo],
    settings: RunSettings,
    options: argparse.Namespace,
) -> None:
    """Take the videos that are not finished yet through tracker, node or a baseline."""
    from surgsam2_ros.evaluation.runs.attempts import is_finished

    waiting = [video for video in videos if not is_finished(video.name, through, options.output)]
    skipped = len(videos) - len(waiting)
    name = through if through in ('tracker', 'node') else f'baseline {through}'
    if skipped:
        print(f'{skipped} of {len(videos)} videos went through the {name} before')
    if not waiting:
        return
    with EvaluationProgress(f'through the {name}', len(videos), skipped) as progress:
        if through == 'node':
            from surgsam2_ros.live.evaluation import run_videos_through_node

            run_videos_through_node(
                waiting,
                options.network,
                settings,
                options.output,
                rate_hz=options.rate,
                on_standing=progress.show,
            )
        else:
            _in_jobs(through, waiting, settings, options, progress)


def _in_jobs(
    through: str,
    videos: list[EvaluationVideo],
    settings: RunSettings,
    options: argparse.Namespace,
    progress: EvaluationProgress,
) -> None:
    from surgsam2_ros.evaluation.runs.jobs import VideoJob, run_jobs

    network, output = options.network, options.output
    jobs = [VideoJob(video, network, settings, output, through) for video in videos]
    if options.ray is not None:
        from surgsam2_ros.evaluation.runs.ray_cluster import run_on_ray

        run_on_ray(options.ray, jobs, on_standing=progress.show)
    else:
        processes = processes_for(options, network, len(jobs))
        run_jobs(jobs, processes, on_standing=progress.show)


@contextmanager
def _full_disk_named(output: Path) -> Iterator[None]:
    """Say what to do when the disk is full; Python's message does not even say which one."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise CommandError(
            f'no space is left for {output}; make room and give the same command again, which goes '
            'on with the videos that are not finished'
        ) from error
