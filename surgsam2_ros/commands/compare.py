# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 compare`: differences between evaluations, with intervals, as a page and as JSON."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surgsam2_ros.commands import CommandError

if TYPE_CHECKING:
    from surgsam2_ros.evaluation.reports import ComparedRun

_HELP = """\
runs:
  RUN is an output folder of `surgsam2 evaluate`. Of one that went through tracker and node the
  tracker is taken; RUN:tracker and RUN:node name one of them, and compare a run with itself.
  All runs are compared with the first, over the objects of the videos that both have.

output:
  DIR/compare.html and DIR/compare.json; docs/evaluation.md describes them.
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        'compare',
        help='compare evaluations, with intervals',
        description='Compare evaluations object by object, with paired bootstrap intervals.',
        epilog=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('runs', metavar='RUN', nargs='+', help='output folder of an evaluation')
    parser.add_argument(
        '--output', metavar='DIR', default='comparison', help='folder to write (comparison)'
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare and write; returns 0."""
    from surgsam2_ros.evaluation.reports import write_comparison

    if len(arguments.runs) < 2:
        raise CommandError(f'{arguments.runs[0]} alone cannot be compared; name two runs or more')
    output = Path(arguments.output)
    if output.exists() and not output.is_dir():
        raise CommandError(f'--output {output} is a file; name a folder')
    try:
        comparison = write_comparison(_read(arguments.runs), output)
    except ValueError as error:
        raise CommandError(str(error)) from error
    _print(comparison)
    print(f'{output / "compare.html"} shows more')
    return 0


def _read(names: list[str]) -> list[ComparedRun]:
    """Read the runs, and tell those of one name apart by folder and side."""
    from surgsam2_ros.evaluation.reports import read_compared

    wanted = [_split(name) for name in names]
    runs = [read_compared(path, through) for path, through in wanted]
    for describe in (
        lambda run: f'{run.name} ({run.through})',
        lambda run: f'{run.path} ({run.through})',
    ):
        shared = {name for name, count in Counter(r.name for r in runs).items() if count > 1}
        runs = [
            read_compared(r.path, r.through, describe(r)) if r.name in shared else r for r in runs
        ]
    if len({r.name for r in runs}) < len(runs):
        raise CommandError('the same run is named twice; name different runs')
    return runs


def _split(name: str) -> tuple[Path, str | None]:
    """Take RUN:node or RUN:tracker apart."""
    path, colon, through = name.rpartition(':')
    if colon and through in ('tracker', 'node'):
        return Path(path), through
    return Path(name), None


def _print(comparison: dict[str, Any]) -> None:
    level = 100 * comparison['bootstrap']['level']
    for pair in comparison['comparisons']:
        entry = pair['differences']['J&F']
        interval = entry['over_videos'] or entry['over_objects']
        span = f' ({level:g} %: {interval[0]:+.4f} to {interval[1]:+.4f})' if interval else ''
        print(
            f'{pair["run"]} against {pair["first"]}: J&F {entry["mean"]:+.4f}{span}, '
            f'{pair["wins"]} objects won, {pair["losses"]} lost, {pair["ties"]} even'
        )
