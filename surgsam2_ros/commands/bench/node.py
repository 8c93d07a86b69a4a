# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 bench --through node`: the running node under the images of a camera, measured."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import sys
from collections.abc import Sequence
from typing import Any

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.bench.report import write_report
from surgsam2_ros.commands.console import require_nicegui
from surgsam2_ros.commands.model_loading import choose_device, find_model
from surgsam2_ros.live.benchmark import NodeCase, measure_cases

# Options that are parameters of the node below `model.` as well.
_OPTIONS = {
    'threads': 'num_threads',
    'backend': 'backend',
    'profile': 'profile',
    'compile': 'compile',
    'precision': 'precision',
}
IMAGE_SIZES = ('640x512', '1280x1024', '1920x1080')


def add_node_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --through and what belongs to it."""
    group = parser.add_argument_group(
        'through the node',
        'Images at the pace of a camera instead of frames in turns: rate, drops, latency, '
        'overhead, processor time and memory. --models, --sizes, --objects, --threads, --device, '
        '--backend, --profile, --compile and --json count here too.',
    )
    group.add_argument(
        '--through',
        choices=['node'],
        help='measure surgsam2_node in a process of its own, over DDS',
    )
    group.add_argument(
        '--image-sizes',
        nargs='+',
        type=_image_size,
        default=[_image_size(size) for size in IMAGE_SIZES],
        metavar='WxH',
        help=f'images that are sent ({" ".join(IMAGE_SIZES)})',
    )
    group.add_argument(
        '--camera-rate', type=float, default=30.0, metavar='HZ', help='(%(default)s)'
    )
    group.add_argument(
        '--duration',
        type=float,
        default=20.0,
        metavar='S',
        help='time measured of each case, after the warm-up (%(default)s)',
    )
    group.add_argument(
        '--viewers',
        nargs='+',
        type=int,
        default=[0],
        metavar='N',
        help="viewers of the operator's page meanwhile, a row for each number; of several the last "
        'one is slow, and what is told is of the others (%(default)s)',
    )
    group.add_argument(
        '--previews',
        action='store_true',
        help='ask for what a click would select once a second meanwhile, as the page does '
        '(~/segment), and tell how long it takes',
    )
    group.add_argument(
        '--param',
        action='append',
        default=[],
        metavar='NAME:=VALUE',
        help='parameter of the node, such as model.num_threads:=2; may be repeated',
    )


def run_through_node(arguments: argparse.Namespace) -> int:
    """Measure all cases and print a table; returns 0, or 1 when a case could not be measured."""
    from surgsam2_ros.benchmarks.through_node_table import node_table

    cases = _cases(arguments)
    device = choose_device(arguments.device)
    rows, failed = measure_cases(
        cases,
        device,
        on_case=lambda case: print(f'measuring {case.title}', file=sys.stderr, flush=True),
    )
    write_report(arguments.json, device, {'rows_through_node': rows}, failed, node_table)
    return 1 if failed else 0


def _cases(arguments: argparse.Namespace) -> list[NodeCase]:
    """Check the arguments; give every combination of model, side, objects and image size."""
    from surgsam2_ros.network import load_config

    for name in ('camera_rate', 'duration'):
        if not getattr(arguments, name) > 0:
            value = getattr(arguments, name)
            raise CommandError(f'--{name.replace("_", "-")} {value} must be above 0')
    if arguments.plot is not None or arguments.against != ['none']:
        raise CommandError('--through node knows neither --plot nor --against; leave them out')
    if min(arguments.objects) < 1:
        raise CommandError(f'--objects {min(arguments.objects)} must be at least 1')
    if min(arguments.viewers) < 0:
        raise CommandError(f'--viewers {min(arguments.viewers)} must be at least 0')
    if max(arguments.viewers):
        require_nicegui()
    parameters = parse_parameters(arguments.param)
    for option, name in _OPTIONS.items():
        value = getattr(arguments, option)
        if value is not None:
            parameters.setdefault(f'model.{name}', value)
    cases = []
    for model in map(find_model, arguments.models):
        for size in arguments.sizes or [load_config(model).image_size]:
            dataclasses.replace(load_config(model), image_size=size)  # refuses impossible sizes
            cases += [
                NodeCase(
                    model,
                    size,
                    objects,
                    image_size,
                    arguments.camera_rate,
                    arguments.duration,
                    parameters,
                    viewers,
                    arguments.previews,
                )
                for objects in arguments.objects
                for image_size in arguments.image_sizes
                for viewers in arguments.viewers
            ]
    return cases


def parse_parameters(assignments: Sequence[str]) -> dict[str, Any]:
    """Return the node's parameters that assignments such as 'model.num_threads:=2' make.

    Raises:
        CommandError: when one is no assignment, or the node has no such parameter or value.
    """
    import yaml

    from surgsam2_ros.nodes.tracker.parameters import parameter_schema

    schema, parameters = parameter_schema(), {}
    for assignment in assignments:
        name, separator, text = assignment.partition(':=')
        if not separator:
            raise CommandError(f'--param {assignment} is no assignment; write NAME:=VALUE')
        if name not in schema:
            alike = difflib.get_close_matches(name, schema, n=3, cutoff=0.4)
            known = f'; perhaps {" or ".join(alike)}' if alike else ''
            raise CommandError(f'the node has no parameter {name!r}{known}')
        value = yaml.safe_load(text) if schema[name].type != 'string' else text
        if schema[name].type == 'double' and type(value) is int:
            value = float(value)
        if fault := schema[name].fault(value):
            raise CommandError(f'--param: {fault}')
        parameters[name] = value
    if parameters.get('input.transport', 'raw') != 'raw':
        raise CommandError('--param input.transport: raw images are sent; leave it out')
    return parameters


def _image_size(text: str) -> tuple[int, int]:
    """Return (width, height) of '640x512'."""
    width, separator, height = text.partition('x')
    if not (separator and width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f'{text!r} is no image size; write WxH, as 640x512')
    return int(width), int(height)
