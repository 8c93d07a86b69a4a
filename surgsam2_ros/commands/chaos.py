# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 chaos`: faults against a real node, with a check after each."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.pictures import told_if_missing

if TYPE_CHECKING:
    from surgsam2_ros.live.chaos.run import Outcome

_EPILOG = """\
Each fault is followed by checks: the process lives or was started anew, results come, objects are
there as promised, every request was answered, images are counted once, and what the node said of
itself was true when it said it. Ends with status 1 when one fails; --seed with --first repeats it.

Writes chaos.json, timeline.png and the logs of all processes to OUT.
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        'chaos',
        help='kill, flood and deceive a running node, and check what it does',
        description='Strike a real node with faults, in an order that a seed decides.',
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--minutes', type=float, default=10.0, help='least duration (%(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='decides all that is random (0)')
    parser.add_argument(
        '--first', type=int, default=0, metavar='INDEX', help='begin with this fault of the plan'
    )
    parser.add_argument(
        '--count', type=int, metavar='N', help='this many faults instead of 6 a minute'
    )
    parser.add_argument('--output', type=Path, default=Path('build/chaos'), metavar='OUT')
    parser.add_argument('--list', action='store_true', help='print the plan and do nothing')
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the faults; returns 1 when the node failed in one, else 0."""
    from surgsam2_ros.live.chaos.run import (
        FAULTS_PER_MINUTE,
        planned_faults,
        run_chaos,
        summary,
    )

    if not arguments.minutes > 0:
        raise CommandError(f'--minutes {arguments.minutes:g} must be above 0')
    if arguments.first < 0:
        raise CommandError(f'--first {arguments.first} must not be below 0')
    if arguments.count is not None and arguments.count < 1:
        raise CommandError(f'--count {arguments.count} must be at least 1')
    count = arguments.count or math.ceil(FAULTS_PER_MINUTE * arguments.minutes)
    if arguments.list:
        for planned in planned_faults(arguments.seed, arguments.first, count):
            print(f'{planned.index:3} {planned.item.name}')
        return 0

    from surgsam2_ros.live.chaos.expectations import BrokenPromiseError
    from surgsam2_ros.live.chaos.stage import Stage
    from surgsam2_ros.live.interruption import termination_as_interrupt
    from surgsam2_ros.live.ros_environment import use_large_image_profile, use_own_domain
    from surgsam2_ros.live.run_folder import begin_folder

    use_own_domain()
    use_large_image_profile()
    folder = arguments.output
    begin_folder(folder, 'chaos.json')
    outcomes: list[Outcome] = []

    def note(outcome: Outcome) -> None:
        outcomes.append(outcome)
        _print(outcome, arguments.seed)

    ended_early = ''
    with termination_as_interrupt(), contextlib.ExitStack() as stack:
        stage = stack.enter_context(Stage(folder, f'/chaos_{os.getpid()}'))
        begin = time.monotonic()
        try:
            run_chaos(
                stage,
                arguments.seed,
                first=arguments.first,
                count=count,
                minutes=0.0 if arguments.count else arguments.minutes,
                on_outcome=note,
            )
        except BrokenPromiseError as violation:
            ended_early = f'the run ended early: {violation}\n{stage.node.describe_log()}'
            print(ended_early)
        report = summary(stage, arguments.seed, outcomes)
        results_s = [seen.at_s - begin for seen in stage.watcher.tracks]
    report['ended_early'] = ended_early
    _write(folder, report, outcomes, results_s)
    return 1 if report['failed'] or ended_early else 0


def _print(outcome: Outcome, seed: int) -> None:
    word = 'skipped' if outcome.skipped else 'known' if outcome.known else 'ok'
    took_s = outcome.ended_s - outcome.began_s
    print(
        f'{outcome.began_s:6.1f} s  {outcome.index:3} {outcome.fault:<32} {took_s:5.1f} s  '
        f'{"FAILED" if outcome.failed else word}',
        flush=True,
    )
    for finding in outcome.findings:
        print(f'          {finding}')
    if outcome.failed:
        print(f'          repeat: surgsam2 chaos --seed {seed} --first {outcome.index} --count 1')


def _write(folder: Path, report: dict, outcomes: list[Outcome], results_s: list[float]) -> None:
    (folder / 'chaos.json').write_text(json.dumps(report, indent=2) + '\n', encoding='utf-8')
    text = (
        f'{report["faults"]} faults, seed {report["seed"]}: {report["failed"]} failed, '
        f'{report["known"]} known, {report["skipped"]} skipped; '
        f'{report["fuzzed_messages"]} random messages, {report["flooded_requests"]} requests, '
        f'{report["lost_answers"]} answers lost, {report["process_starts"]} processes'
    )
    with told_if_missing():
        from surgsam2_ros.live.chaos.timeline import write_timeline

        if outcomes:
            write_timeline(folder / 'timeline.png', outcomes, results_s, text)
    written = [name for name in ('chaos.json', 'timeline.png') if (folder / name).exists()]
    print(f'{text}; {folder}: {", ".join(written)}')
