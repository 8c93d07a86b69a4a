# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 dataset prepare|check`: from the challenges' archives to data to train on."""

from __future__ import annotations

import argparse
import json
import re
from typing import TYPE_CHECKING

from surgsam2_ros.commands.progress import Progress

if TYPE_CHECKING:
    from surgsam2_ros.datasets.check import CheckReport
    from surgsam2_ros.datasets.prepare import Report

DATASETS = ('endovis17', 'endovis18')  # those of datasets.prepare, which help must not import

_PREPARE_HELP = """\
SRC holds the archives of the challenge, extracted or as zip files:
  endovis17   instrument_1_4_training … instrument_9_10_testing, and the labels of the test
  endovis18   miccai_challenge_2018_release_1, miccai_challenge_release_2 … _4, repairs
With the authors' annotations among them (VOS-Endovis18, Ref-Endovis17, Ref-Endovis18), labels and
names are theirs. Without, instances are those of the challenge's labels, and where these tell types
or parts alone, connected regions followed from frame to frame: a guess, not a truth, and reports of
evaluations say so. Validated are the sequences of the paper's tables, or those of --valid.

DST gets the VOS layout: {train,valid}/JPEGImages, Annotations and classes.json. A run that was
interrupted goes on where it stopped.
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command and its two sub-commands to the command line."""
    parser = subparsers.add_parser(
        'dataset',
        help='prepare and check data sets to train and evaluate on',
        description='Prepare and check data sets to train and evaluate on.',
    )
    actions = parser.add_subparsers(metavar='ACTION', required=True)
    _add_prepare(actions)
    _add_check(actions)


def _add_prepare(actions: argparse._SubParsersAction) -> None:
    parser = actions.add_parser(
        'prepare',
        help='bring the archives of a challenge into the VOS layout',
        description='Bring the archives of a challenge into the VOS layout.',
        epilog=_PREPARE_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('dataset', choices=DATASETS, help='which challenge')
    parser.add_argument('source', metavar='SRC', help='folder of the archives')
    parser.add_argument('target', metavar='DST', help='folder to write')
    parser.add_argument(
        '--valid',
        type=parse_numbers,
        metavar='N,…',
        help='sequences to validate on (default: 9,10 for endovis17, 2,5,9,15 for endovis18; '
        'the split of Ref-Endovis17 is 2,5,6, of which the paper has no table)',
    )
    parser.add_argument('--json', action='store_true', help='print the report as JSON')
    parser.set_defaults(run=run_prepare)


def _add_check(actions: argparse._SubParsersAction) -> None:
    parser = actions.add_parser(
        'check',
        help='look for mistakes in a data set of the VOS layout',
        description='Look for unreadable files, sizes that differ, unexpected object ids, missing '
        'and orphan label images, objects that never appear and duplicated frames. Exit status 1 '
        'when there are any.',
    )
    parser.add_argument('folder', metavar='DIR', help='data set, or folder of its splits')
    parser.add_argument(
        '--ids',
        type=parse_numbers,
        metavar='N,N-M,…',
        help='object ids expected, such as 1-10,11,12,17 (default: those of classes.json)',
    )
    parser.add_argument(
        '--annotations',
        default='Annotations',
        metavar='NAME',
        help='folder of the label images (default: %(default)s)',
    )
    parser.add_argument('--json', action='store_true', help='print the report as JSON')
    parser.set_defaults(run=run_check)


def parse_numbers(text: str) -> tuple[int, ...]:
    """Read a list of numbers and ranges such as '1-3,7'."""
    numbers: list[int] = []
    for part in text.split(','):
        match = re.fullmatch(r'\s*(\d+)(?:-(\d+))?\s*', part)
        own = range(int(match[1]), int(match[2] or match[1]) + 1) if match else ()
        if not own:
            raise argparse.ArgumentTypeError(f'{text!r} is no list of numbers such as 1-10,12')
        numbers += own
    return tuple(numbers)


def run_prepare(arguments: argparse.Namespace) -> int:
    """Prepare a data set; returns 0, whatever was found missing."""
    from surgsam2_ros.datasets.prepare import Preparation

    preparation = Preparation(
        arguments.dataset, arguments.source, arguments.target, valid=arguments.valid
    )
    with Progress(preparation.frames, arguments.dataset) as progress:
        report = preparation.run(progress.update)
    if arguments.json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        _print_prepared(report)
    return 0


def run_check(arguments: argparse.Namespace) -> int:
    """Check a data set; returns 1 when something is wrong with it."""
    from surgsam2_ros.datasets.check import check, open_splits

    splits = open_splits(arguments.folder, arguments.annotations)
    total = sum(len(video.frames) for split in splits for video in split.videos)
    with Progress(total, 'checking') as progress:
        report = check(splits, ids=arguments.ids, on_frame=progress.update)
    if arguments.json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        _print_checked(report)
    return 1 if len(report.findings) else 0


def _print_prepared(report: Report) -> None:
    for sequence in report.sequences:
        print(
            f'{sequence.split}/{sequence.name}: {sequence.frames} frames, {sequence.labelled} '
            f'labelled ({sequence.labels}), {len(sequence.classes)} named objects'
        )
    for finding in report.findings:
        print(finding)
    print(
        f'{report.written} frames written, {report.kept} were finished, '
        f'{len(report.findings)} things missing or odd; '
        f'now run: surgsam2 dataset check {report.target}'
    )


def _print_checked(report: CheckReport) -> None:
    for finding in report.findings:
        print(finding)
    verdict = f'{len(report.findings)} findings' if len(report.findings) else 'nothing wrong'
    print(
        f'{report.videos} videos, {report.frames} frames, {report.labelled} labelled, '
        f'{report.objects} objects: {verdict}'
    )
