# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 bench`: what a frame costs, in one interleaved run with other trackers."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.model_loading import choose_device, find_model

SCHEMA = 1
_AGAINST = ('none', 'sam2')
_HELP = """\
Every row takes one frame of ours and one of the other, in turns, in the same process, with the same
weights where these are there (else random ones), on the same clip of 640x512, once all memories are
full. Ratios are the other's time divided by ours: above 1, ours is faster.

  surgsam2 bench --models sam2.1_hiera_s --sizes 512 --objects 1 4 --against sam2 --json bench.json

`--against sam2` needs the official package: requirements/oracle.txt (`make test` installs it).
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        'bench',
        help='measure what a frame costs, beside other trackers',
        description='Measure what a frame costs, beside other trackers.',
        epilog=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--models', nargs='+', default=['surgsam2_nano'], metavar='MODEL')
    parser.add_argument(
        '--sizes', nargs='+', type=int, metavar='PX', help="sides of the input; the model's own"
    )
    parser.add_argument('--objects', nargs='+', type=int, default=[1, 2], metavar='N')
    parser.add_argument('--against', choices=_AGAINST, default='none', help='%(default)s')
    parser.add_argument('--rounds', type=int, default=10, help='timed frames (%(default)s)')
    parser.add_argument('--threads', type=int, help='threads of PyTorch (its own choice)')
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    parser.add_argument('--json', type=Path, metavar='OUT', help='write all that was measured')
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure all cases and print a table; returns 0, or 1 when a case could not be measured."""
    import torch

    from surgsam2_ros.benchmarks.contenders import ContenderError
    from surgsam2_ros.benchmarks.measuring import peak_gflops
    from surgsam2_ros.benchmarks.rows import Case, measure
    from surgsam2_ros.benchmarks.tables import markdown_table
    from surgsam2_ros.evaluation.runs.run_description import describe_hardware, describe_versions
    from surgsam2_ros.network import load_config

    for name in ('rounds', 'threads'):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise CommandError(f'--{name} {value} must be at least 1')
    if min(arguments.objects) < 1:
        raise CommandError(f'--objects {min(arguments.objects)} must be at least 1')
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    device = torch.device(choose_device(arguments.device))
    against = None if arguments.against == 'none' else arguments.against
    models = [find_model(name) for name in arguments.models]
    rows, failed = [], []
    with torch.inference_mode():
        peak = peak_gflops(device)
    for model in models:
        for size in arguments.sizes or [load_config(model).image_size]:
            for objects in arguments.objects:
                title = f'{model.stem}, {size} px, {objects} objects'
                print(f'measuring {title}', file=sys.stderr, flush=True)
                try:
                    case = Case(model, size, objects, against, arguments.rounds)
                    rows.append(measure(case, device))
                except ContenderError as error:
                    failed.append(f'{title}: {error}')
    report: dict[str, Any] = {
        'schema': SCHEMA,
        'command': shlex.join(['surgsam2', *sys.argv[1:]]),
        'device': str(device),
        'threads': torch.get_num_threads(),
        'peak_gflop_per_s': round(peak, 1),
        'hardware': describe_hardware(str(device)),
        'versions': describe_versions(),
        'rows': rows,
        'failed': failed,
    }
    if rows:
        print(markdown_table(report))
    if arguments.json is not None:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(report, indent=2) + '\n', encoding='utf-8')
    for sentence in failed:
        print(f'surgsam2: error: {sentence}', file=sys.stderr)
    return 1 if failed else 0
