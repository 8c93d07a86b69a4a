# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 bench --cameras`: several cameras in one process beside one camera."""

from __future__ import annotations

import argparse
import json
import sys

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.bench.node import parse_parameters
from surgsam2_ros.commands.command_line import command_line
from surgsam2_ros.commands.model_loading import choose_device, find_model

SCHEMA = 1


def add_cameras_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --cameras."""
    group = parser.add_argument_group(
        'several cameras',
        'A process of one camera and one of several, which share a network, get images in turns, '
        'a round of each after the other. Tells time, processor time and resident memory of one '
        'image of every camera beside one of a single camera. --models and --objects (the first of '
        'each), --rounds, --device, --param and --json count here too.',
    )
    group.add_argument('--cameras', type=int, metavar='N', help='compare N cameras with one')


def run_cameras(arguments: argparse.Namespace) -> int:
    """Measure and print; returns 0."""
    from surgsam2_ros.evaluation.runs.run_description import describe_hardware, describe_versions
    from surgsam2_ros.live import LiveError
    from surgsam2_ros.live.cameras import CamerasCase, describe_cameras, measure_cameras

    if arguments.cameras < 2 or arguments.rounds < 1:
        raise CommandError(
            f'--cameras is {arguments.cameras} and --rounds {arguments.rounds}; there must be 2 '
            'cameras and 1 round at least'
        )
    device = choose_device(arguments.device)
    case = CamerasCase(
        model=find_model(arguments.models[0]),
        cameras=arguments.cameras,
        objects=arguments.objects[0],
        rounds=arguments.rounds,
        device=device,
        parameters=parse_parameters(arguments.param),
    )
    try:
        figures = measure_cameras(case, lambda text: print(text, file=sys.stderr, flush=True))
    except LiveError as error:
        raise CommandError(str(error)) from error
    print(describe_cameras(figures))
    if arguments.json is not None:
        report = {
            'schema': SCHEMA,
            'command': command_line(),
            'device': device,
            'hardware': describe_hardware(device),
            'versions': describe_versions(),
            **figures,
        }
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(report, indent=2) + '\n', encoding='utf-8')
    return 0
