# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 gpu-check`: whether a GPU gives the right masks, and how fast, in eight minutes."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.command_line import command_line
from surgsam2_ros.commands.model_loading import find_model

if TYPE_CHECKING:
    from surgsam2_ros.benchmarks.gpu_check.run import Part, PartReport
    from surgsam2_ros.benchmarks.gpu_check.settings import CheckSettings

NO_GPU = os.EX_UNAVAILABLE
MODEL = 'sam2.1_hiera_s'
QUICK_MODEL = 'sam2.1_hiera_t'
_NAMES = (
    'environment',
    'parity',
    'capture',
    'synchronisation',
    'memory',
    'node',
    'speed',
    'speed_compiled',
    'cameras',
)
_EPILOG = """\
Parts run one after the other, each in a process of its own; what comes first matters most. A part
that exceeds its time is cut, and says so. OUT/report.json is written after every row, OUT/report.md
at the end. Nothing is fetched from a network; docs/gpu.md says what has to be installed.

Status: 0 passed, 1 something is wrong or a proof was cut, 69 there is no GPU.
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        'gpu-check',
        help='check that a GPU gives the right masks, and how fast, in eight minutes',
        description='Check that a GPU gives the right masks, and how fast, in eight minutes.',
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--device', default='cuda', help='cuda, cuda:N, or cpu with --quick')
    parser.add_argument(
        '--quick', action='store_true', help='do as little as reaches every line, also on a CPU'
    )
    parser.add_argument('--minutes', type=float, default=8.0, help='at most (%(default)s)')
    parser.add_argument('--model', help=f'network of all but the speeds ({MODEL})')
    parser.add_argument(
        '--checkpoint', type=Path, metavar='FILE', help='its weights (random ones, a fixed seed)'
    )
    parser.add_argument(
        '--part', choices=_NAMES, help='run one part alone; its rows are printed as lines of JSON'
    )
    parser.add_argument(
        '--parts', nargs='+', choices=_NAMES, default=_NAMES, metavar='PART', help='only these'
    )
    parser.add_argument('--output', type=Path, default=Path('build/gpu'), metavar='OUT')
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check a device and print a table; returns 0, 1, or 69 where there is no GPU."""
    if not arguments.minutes > 0:
        raise CommandError(f'--minutes {arguments.minutes:g} must be above 0')
    if arguments.checkpoint is not None and not arguments.checkpoint.is_file():
        raise CommandError(f'checkpoint {arguments.checkpoint} does not exist')
    if not arguments.device.startswith('cuda') and not (
        arguments.device == 'cpu' and arguments.quick
    ):
        raise CommandError(
            f'--device {arguments.device} must be cuda or cuda:N; cpu goes with --quick'
        )
    missing = _missing_gpu(arguments.device)
    if missing is not None:
        print(f'surgsam2: no GPU: {missing}', file=sys.stderr)
        return NO_GPU
    if arguments.part is not None:
        return _print_rows(arguments)
    return _run_all(arguments)


def _missing_gpu(device: str) -> str | None:
    """Say in a line what is missing for a device, without using it; None when it is there."""
    import torch

    if device == 'cpu':
        return None
    wanted = torch.device(device).index or 0
    if not torch.backends.cuda.is_built():
        return f'torch {torch.__version__} is built without CUDA; docs/gpu.md names the wheels'
    there = torch.cuda.device_count()
    if wanted >= there:
        return f'{device} was asked for and torch sees {there}; is the driver installed?'
    return None


def _settings(arguments: argparse.Namespace) -> CheckSettings:
    from surgsam2_ros.benchmarks.gpu_check.settings import CheckSettings

    model = find_model(arguments.model or (QUICK_MODEL if arguments.quick else MODEL))
    return CheckSettings(arguments.device, model, arguments.checkpoint, arguments.quick)


def _print_rows(arguments: argparse.Namespace) -> int:
    """Run one part here; whatever libraries print goes to stderr."""
    import torch

    from surgsam2_ros.live.gpu_check import PARTS

    settings = _settings(arguments)
    if settings.torch_device.type == 'cuda':
        torch.cuda.set_device(settings.torch_device)
    (part,) = (part for part in PARTS if part.name == arguments.part)
    rows = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        for row in part.rows(settings):
            print(json.dumps(row), file=rows, flush=True)
    return 0


def _run_all(arguments: argparse.Namespace) -> int:
    from surgsam2_ros.benchmarks.gpu_check.run import RUNNING, SCHEMA, run_parts, write_whole
    from surgsam2_ros.benchmarks.gpu_check.table import markdown, verdict
    from surgsam2_ros.evaluation.runs.run_description import describe_versions
    from surgsam2_ros.live.gpu_check import PARTS

    settings = _settings(arguments)
    path = arguments.output / 'report.json'
    head = {
        'schema': SCHEMA,
        'command': command_line(),
        'device': arguments.device,
        'model': settings.model.stem,
        'weights': 'random' if arguments.checkpoint is None else 'trained',
        'quick': arguments.quick,
        'versions': describe_versions(),
    }

    def as_report(parts: Sequence[PartReport]) -> dict[str, Any]:
        return {**head, 'parts': [{**dataclasses.asdict(p), 'passed': p.passed} for p in parts]}

    def tell(parts: Sequence[PartReport]) -> None:
        write_whole(path, as_report(parts))
        newest = parts[-1]
        if newest.status != RUNNING:
            seconds = f'{newest.status}, {newest.seconds:.0f} s'
            print(f'{newest.name}: {seconds}', file=sys.stderr, flush=True)

    reports = run_parts(
        [part for part in PARTS if part.rows is None or part.name in arguments.parts],
        lambda part: [sys.executable, '-m', 'surgsam2_ros.cli', *_arguments_of(part, arguments)],
        most_seconds=60.0 * arguments.minutes,
        on_change=tell,
        shown=lambda part: shlex.join(['surgsam2', *_arguments_of(part, arguments)]),
    )
    report = as_report(reports)
    text = markdown(report)
    (arguments.output / 'report.md').write_text(text, encoding='utf-8')
    print(text)
    print(f'{path}, report.md: {verdict(report)}')
    return 0 if all(part.passed for part in reports) else 1


def _arguments_of(part: Part, arguments: argparse.Namespace) -> list[str]:
    """Return what runs a part alone."""
    line = ['gpu-check', '--part', part.name, '--device', arguments.device]
    if arguments.quick:
        line.append('--quick')
    for name in ('model', 'checkpoint'):
        if (value := getattr(arguments, name)) is not None:
            line += [f'--{name}', str(value)]
    return line
