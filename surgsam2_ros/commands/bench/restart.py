# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 bench --restart`: the node killed at random moments, and what came back of it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.bench.node import parse_parameters
from surgsam2_ros.commands.command_line import command_line
from surgsam2_ros.commands.model_loading import choose_device, find_model

SCHEMA = 1


def add_restart_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --restart and what belongs to it."""
    group = parser.add_argument_group(
        'warm restart',
        'The rendered scene of the demo, played for each kill (SIGKILL) at a random moment of it, '
        'and on, backwards too, until the node, which is started again at once, has answered. '
        'Counts how often all ids and instances were kept and what passed before the first result, '
        'and compares the masks with those of an undisturbed run. --models (the first), --device, '
        '--param and --json count here too.',
    )
    group.add_argument('--restart', type=int, metavar='N', help='kill the node so many times')
    group.add_argument('--seed', type=int, default=0, help='of the moments (%(default)s)')
    group.add_argument(
        '--scene-rate',
        type=float,
        default=7.5,
        metavar='HZ',
        help='images per second, of which the node must manage every one (%(default)s)',
    )
    group.add_argument(
        '--restart-output',
        type=Path,
        default=Path('build/restart'),
        metavar='DIR',
        help='gets the scene and the logs of all nodes (%(default)s)',
    )


def run_restarts(arguments: argparse.Namespace) -> int:
    """Kill the node and print what came of it; returns 0, or 1 when the bar was missed."""
    from surgsam2_ros.commands.demo.scenes import scene_bag
    from surgsam2_ros.evaluation.runs.run_description import describe_hardware, describe_versions
    from surgsam2_ros.live.demo import DemoPlan
    from surgsam2_ros.live.demo_scenes import SCENES
    from surgsam2_ros.live.restarts import RestartCase, measure_restarts
    from surgsam2_ros.live.ros_environment import use_large_image_profile, use_own_domain
    from surgsam2_ros.live.scene_topics import IMAGE_TOPIC, TRUTH_TOPIC
    from surgsam2_ros.sources import BagReader

    if arguments.restart < 1 or not arguments.scene_rate > 0:
        raise CommandError('--restart and --scene-rate must be above 0')
    device, folder = choose_device(arguments.device), arguments.restart_output
    case = RestartCase(
        model=find_model(arguments.models[0]),
        device=device,
        kills=arguments.restart,
        seed=arguments.seed,
        parameters=parse_parameters(arguments.param),
    )
    use_own_domain()
    use_large_image_profile()
    folder.mkdir(parents=True, exist_ok=True)
    with BagReader(scene_bag(SCENES['rendered'], folder)) as reader:
        plan = DemoPlan(
            reader,
            image_topic=IMAGE_TOPIC,
            truth_topic=TRUTH_TOPIC,
            prompts=None,
            rate_hz=arguments.scene_rate,
        )
        figures = measure_restarts(plan, case, folder, _show)
    report = {
        'schema': SCHEMA,
        'command': command_line(),
        'seed': arguments.seed,
        'model': case.model.stem,
        'scene_rate_hz': arguments.scene_rate,
        'hardware': describe_hardware(device),
        'versions': describe_versions(),
        **figures,
    }
    print(describe_restarts(figures))
    if arguments.json is not None:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(report, indent=2) + '\n', encoding='utf-8')
    return 0 if figures['passed'] else 1


def _show(trial: dict[str, Any]) -> None:
    outcome = 'all ids kept' if trial['ids_kept'] else 'IDS LOST'
    print(
        f'kill {trial["trial"]:3d}: {outcome}, down for {trial["down_s"]} s, first result '
        f'{trial["first_result_ms"]} ms after it was ready, {trial["images_passed"]} images passed',
        file=sys.stderr,
        flush=True,
    )


def describe_restarts(figures: dict[str, Any]) -> str:
    """Return what came of it as lines for people."""
    first = figures['first_result_ms']
    return '\n'.join(
        [
            f'ids kept       {figures["ids_kept"]} of {figures["kills"]} times',
            f'TRACKED unseen {figures["tracked_at_once"]} times',
            f'first result   {first["p50"]} ms after ready, at most {first["max"]} ms; '
            f'{figures["within_1_s"]} of {figures["kills"]} within 1 s',
            f'images passed  {figures["images_passed"]} at most, from ready to the first result',
            f'mean IoU       {figures["mean_iou"]}, undisturbed {figures["undisturbed"]}',
            f'after the kill {figures["mean_iou_after"]}, undisturbed '
            f'{figures["undisturbed_after"]}, worst trial {figures["worst_difference_after"]}',
            'passed' if figures['passed'] else f'FAILED: {"; ".join(figures["missed"])}',
        ]
    )
