# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 bench`: what a frame costs, in one interleaved run with other trackers."""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.bench.cameras import add_cameras_arguments, run_cameras
from surgsam2_ros.commands.bench.node import add_node_arguments, run_through_node
from surgsam2_ros.commands.bench.report import write_report
from surgsam2_ros.commands.bench.restart import add_restart_arguments, run_restarts
from surgsam2_ros.commands.model_loading import (
    DEFAULT_MODEL,
    add_engine_arguments,
    choose_device,
    find_model,
)

if TYPE_CHECKING:
    import torch

    from surgsam2_ros.benchmarks.cases import Case

AGAINST = (
    'none',
    'sam2',
    'sam2-vos-optimized',
    'surgsam2',
    'transformers-sam2',
    'edgetam',
    'with-detector',
)
_HELP = """\
Every case takes one frame of ours and one of each other, in turns, in the same process, with the
same weights where these are there (else random ones), on the same clip of 640x512, once all
memories are full. Ratios are the other's time divided by ours: above 1, ours is faster.

  surgsam2 bench --models sam2.1_hiera_s --sizes 512 --objects 1 4 --against sam2 --json bench.json
  surgsam2 bench --models sam2.1_hiera_s --sizes 512 --prune 0 2 --against sam2 surgsam2
  surgsam2 bench --models sam2.1_hiera_t --against sam2 transformers-sam2 edgetam --plot bench.png

Others, one row for each:
  sam2               the official package; requirements/oracle.txt (`make test` installs it)
  sam2-vos-optimized the same compiled, vos_optimized=True; its first frames take minutes
  surgsam2           sam2 with the frame pruning of SurgSAM2, as much as ours (--prune)
  transformers-sam2  Sam2VideoModel of transformers, with our weights; requirements/bench.txt
  edgetam            EdgeTamVideoModel of transformers, an architecture of its own with random
                     weights; requirements/bench.txt
Both files are for `pip install --no-deps -r`; the first says what else it wants.
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
    parser.add_argument('--models', nargs='+', default=[Path(DEFAULT_MODEL).stem], metavar='MODEL')
    parser.add_argument(
        '--sizes', nargs='+', type=int, metavar='PX', help="sides of the input; the model's own"
    )
    parser.add_argument('--objects', nargs='+', type=int, default=[1, 2], metavar='N')
    parser.add_argument(
        '--against',
        nargs='+',
        choices=AGAINST,
        default=['none'],
        metavar='OTHER',
        help=f'one or more of {", ".join(AGAINST)} (none)',
    )
    parser.add_argument(
        '--prune',
        nargs='+',
        type=int,
        metavar='N',
        help='memories that frame pruning leaves out, a row for each number; 0 attends to all '
        "(the network's own number, or 2 as in SurgSAM2)",
    )
    parser.add_argument('--rounds', type=int, default=10, help='timed frames (%(default)s)')
    parser.add_argument(
        '--growth-frames',
        type=int,
        default=0,
        metavar='N',
        help='measure how much memory grows over N further frames (%(default)s: do not)',
    )
    parser.add_argument('--threads', type=int, help='threads of PyTorch (its own choice)')
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    parser.add_argument('--json', type=Path, metavar='OUT', help='write all that was measured')
    parser.add_argument(
        '--plot', type=Path, metavar='OUT.png', help='draw times and stages of all rows'
    )
    add_engine_arguments(parser)
    parser.add_argument(
        '--precision',
        choices=('fp32', 'bf16', 'fp16'),
        help='of ours, sam2, sam2-vos-optimized and surgsam2 alike; bf16 and fp16 are for GPUs '
        '(default: bf16 on GPUs that have it, else fp32)',
    )
    parser.add_argument(
        '--compile',
        choices=('off', 'cuda_graphs', 'inductor', 'inductor_cuda_graphs'),
        default='off',
        help='capture the network whole with torch.compile (default: %(default)s)',
    )
    add_node_arguments(parser)
    add_restart_arguments(parser)
    add_cameras_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure all cases and print a table; returns 0, or 1 when a case could not be measured."""
    if arguments.through == 'node':
        return run_through_node(arguments)
    if arguments.cameras is not None:
        return run_cameras(arguments)
    if arguments.restart is not None:
        return run_restarts(arguments)
    import torch

    from surgsam2_ros.benchmarks.contenders import versions_of
    from surgsam2_ros.benchmarks.measuring import peak_gflops
    from surgsam2_ros.benchmarks.rows import measure_all
    from surgsam2_ros.benchmarks.tables import markdown_table

    _check(arguments)
    if arguments.plot is not None:  # what is missing is said before the work
        from surgsam2_ros.benchmarks.charts import write_chart
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    device = torch.device(choose_device(arguments.device))
    cases = _cases(arguments, _precision(arguments, device))
    with torch.inference_mode():
        peak = peak_gflops(device)
    rows, failed = measure_all(
        cases,
        device,
        on_case=lambda case: print(f'measuring {case.title}', file=sys.stderr, flush=True),
        on_slower=lambda text: print(f'surgsam2: warning: {text}', file=sys.stderr),
    )
    report = write_report(
        arguments.json,
        str(device),
        {'rows': rows},
        failed,
        markdown_table,
        versions=versions_of(cases[0].against),
        threads=torch.get_num_threads(),
        growth_frames=arguments.growth_frames,
        peak_gflop_per_s=round(peak, 1),
    )
    if arguments.plot is not None and rows:
        write_chart(arguments.plot, report)
    return 1 if failed else 0


def _precision(arguments: argparse.Namespace, device: torch.device) -> str:
    """Return the precision that was asked for, or that of the device."""
    from surgsam2_ros.engines import DeviceDescription, choose_arithmetic
    from surgsam2_ros.engines.arithmetic import AUTO
    from surgsam2_ros.network.current_device import use_device

    wanted = arguments.precision or AUTO
    if wanted not in (AUTO, 'fp32') and device.type == 'cpu':
        raise CommandError(f'--precision {wanted} needs a GPU; leave it out on a CPU')
    use_device(device)
    described = DeviceDescription.of(device)
    return choose_arithmetic(described, precision=wanted, backend=arguments.backend).precision


def _cases(arguments: argparse.Namespace, precision: str) -> list[Case]:
    """Give every combination of model, side of the input and number of objects."""
    from surgsam2_ros.benchmarks.cases import Case
    from surgsam2_ros.engines import EngineSettings
    from surgsam2_ros.network import load_config

    against = tuple(name for name in dict.fromkeys(arguments.against) if name != 'none')
    engine = EngineSettings(arguments.backend, arguments.profile, arguments.compile)
    settings = (against, arguments.rounds, arguments.growth_frames, engine)
    return [
        Case(model, size, objects, *settings, prune, precision)
        for model in map(find_model, arguments.models)
        for size in arguments.sizes or [load_config(model).image_size]
        for objects, prune in itertools.product(arguments.objects, arguments.prune or [None])
    ]


def _check(arguments: argparse.Namespace) -> None:
    """Refuse impossible values before anything is measured."""
    for name, least in (('rounds', 1), ('threads', 1), ('growth_frames', 0)):
        value = getattr(arguments, name)
        if value is not None and value < least:
            raise CommandError(f'--{name.replace("_", "-")} {value} must be at least {least}')
    if arguments.prune and min(arguments.prune) < 0:
        raise CommandError(f'--prune {min(arguments.prune)} must be at least 0')
    if min(arguments.objects) < 1:
        raise CommandError(f'--objects {min(arguments.objects)} must be at least 1')
    if arguments.plot is not None and arguments.plot.suffix != '.png':
        raise CommandError(f'--plot {arguments.plot} must be a PNG; give it the ending .png')
