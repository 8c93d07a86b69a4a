# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 demo`: replays scenes or a bag through the real node, measures and shows the result."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.demo.scenes import scene_bag
from surgsam2_ros.commands.model_loading import add_model_arguments, find_model
from surgsam2_ros.commands.progress import Progress
from surgsam2_ros.live import NODE
from surgsam2_ros.live.demo_scenes import SCENES, DemoScene

if TYPE_CHECKING:
    from surgsam2_ros.live.demo import DemoPlan
    from surgsam2_ros.live.demo_report import DemoReport
    from surgsam2_ros.nodes.replay.bag_replay import ReplayLog
    from surgsam2_ros.sources import BagReader

BEHIND_MS = 1000.0
"""A latency above this says that images had to wait for the ones before them."""

_DESCRIPTION = f"""\
Replay a bag through a surgsam2 node in a process and a ROS domain of its own, and measure what it
publishes. Without --bag, two scenes of two instruments are made and shown one after the other:
composed, photographed instruments moved over photographed tissue, and rendered, which is drawn.

OUTPUT gets, or without --bag OUTPUT/composed and OUTPUT/rendered get:
  tracks.mcap        images, {NODE}/tracks and {NODE}/label_image as they were published
  overlay.mp4        the images with what was tracked
  contact_sheet.png  some of them side by side, the truth in white
  summary.json       frames, rate, latencies, overlap with the truth and states of each object
  node.log           what the node said, and node_parameters.yaml, what it was told
Without --bag, OUTPUT/summary.json has the summaries of all scenes shown.

latency_ms is the time from publishing an image to the arrival of its tracks in this process;
inference_ms is what the node reports. mean_iou leaves the prompted images out.
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        'demo',
        help='replay a bag through the node and measure the result',
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--bag', type=Path, help='bag to replay (default: the scenes)')
    parser.add_argument('--scene', choices=tuple(SCENES), help='show this scene alone')
    parser.add_argument('--image-topic', help='image topic of a bag that has several')
    parser.add_argument('--truth-topic', help='label images (mono8, pixel value = object)')
    parser.add_argument(
        '--prompts',
        type=Path,
        help='prompts for the first image, .png or .json (see `surgsam2 track --help`), '
        'instead of the truth',
    )
    parser.add_argument(
        '--discover',
        action='store_true',
        help='prompt nothing: the node finds the instruments by itself, by its own detector; what '
        'it has not found yet counts as missed',
    )
    add_model_arguments(parser)
    parser.add_argument('--rate', type=float, metavar='HZ', help="images per second (the bag's)")
    parser.add_argument('--output', type=Path, default=Path('build/demo'), help='%(default)s')
    parser.add_argument(
        '--minimum-iou', type=float, metavar='IOU', help='fail when mean_iou is below this'
    )
    parser.add_argument(
        '--domain-id', type=int, metavar='N', help='ROS domain (default: one of its own)'
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; returns 0, or 1 when something was lost or too little agrees."""
    from surgsam2_ros.live.ros_environment import use_large_image_profile, use_own_domain

    if arguments.rate is not None and not arguments.rate > 0:
        raise CommandError(f'--rate {arguments.rate} is impossible; give images per second')
    if arguments.discover and arguments.prompts is not None:
        raise CommandError(f'--discover and --prompts {arguments.prompts} exclude each other')
    shown = _scenes(arguments)
    use_own_domain(arguments.domain_id)
    use_large_image_profile()
    if arguments.bag is not None:
        return _show(arguments.bag, arguments.output, arguments)[1]
    results = {scene.name: _show_scene(scene, arguments) for scene in shown}
    summaries = {name: summary for name, (summary, _) in results.items()}
    path = arguments.output / 'summary.json'
    path.write_text(json.dumps({'scenes': summaries}, indent=2) + '\n')
    print(describe_scenes(summaries))
    print(f'all of them in {path}')
    return max(status for _, status in results.values())


def _scenes(arguments: argparse.Namespace) -> list[DemoScene]:
    """Choose the scenes to show; none where a bag is given."""
    if arguments.bag is not None:
        if arguments.scene is not None:
            raise CommandError(f'--bag and --scene {arguments.scene} exclude each other')
        return []
    if arguments.scene is not None:
        return [SCENES[arguments.scene]]
    if arguments.prompts is not None:
        raise CommandError(
            f'--prompts {arguments.prompts} fit one first image; say which by --scene or --bag'
        )
    return list(SCENES.values())


def _show_scene(scene: DemoScene, arguments: argparse.Namespace) -> tuple[dict[str, Any], int]:
    folder = arguments.output / scene.name
    folder.mkdir(parents=True, exist_ok=True)
    return _show(scene_bag(scene, folder), folder, arguments, scene.title)


def _show(
    bag: Path, output: Path, arguments: argparse.Namespace, title: str | None = None
) -> tuple[dict[str, Any], int]:
    """Replay a bag, write what came of it, and return its summary and exit status."""
    from surgsam2_ros.live.demo import summary_of
    from surgsam2_ros.sources import BagReader

    output.mkdir(parents=True, exist_ok=True)
    with BagReader(bag) as reader:
        plan = _plan(reader, arguments)
        log = _replay(plan, output, arguments)
        report = _report(plan, output, log, title or reader.name)
    summary = summary_of(log, report)
    (output / 'summary.json').write_text(json.dumps(summary, indent=2) + '\n')
    print(describe_summary(summary))
    print(f'written to {output}: tracks.mcap, overlay.mp4, contact_sheet.png, summary.json')
    return summary, _verdict(summary, log, arguments.minimum_iou)


def _plan(reader: BagReader, arguments: argparse.Namespace) -> DemoPlan:
    from surgsam2_ros.live.demo import DemoPlan
    from surgsam2_ros.live.scene_topics import IMAGE_TOPIC, TRUTH_TOPIC

    own = arguments.bag is None
    return DemoPlan(
        reader,
        image_topic=arguments.image_topic or (IMAGE_TOPIC if own else None),
        truth_topic=arguments.truth_topic or (TRUTH_TOPIC if own else None),
        prompts=arguments.prompts,
        rate_hz=arguments.rate,
        discover=arguments.discover,
    )


def _replay(plan: DemoPlan, output: Path, arguments: argparse.Namespace) -> ReplayLog:
    from surgsam2_ros.live.demo import replay_plan

    if arguments.checkpoint is not None and not Path(arguments.checkpoint).is_file():
        raise CommandError(f'checkpoint {arguments.checkpoint} does not exist')
    count = 'no' if plan.discover else sum(len(due.prompts) for due in plan.prompts)
    print(
        f'{plan.reader.path}: {len(plan.headers)} images on {plan.image_topic} at '
        f'{plan.rate_hz:.2f} Hz, {count} prompts; ROS_DOMAIN_ID={os.environ["ROS_DOMAIN_ID"]}'
    )
    with Progress(len(plan.headers), 'starting the node') as progress:
        return replay_plan(
            plan,
            output,
            model=find_model(arguments.model),
            checkpoint=arguments.checkpoint,
            device=arguments.device,
            on_progress=lambda log: progress.update(len(log.results), _live(log)),
            on_state=lambda state: progress.relabel(state),
        )


def _live(log: ReplayLog) -> str:
    waiting = len(log.published) - len(log.results)
    latencies = log.latencies_ms(newest=15)
    latency = f'latency {sum(latencies) / len(latencies):.0f} ms' if latencies else ''
    return f'{latency}  {waiting} under way'


def _report(plan: DemoPlan, output: Path, log: ReplayLog, title: str) -> DemoReport:
    from surgsam2_ros.live.demo import report_plan

    with Progress(len(log.published), 'comparing and drawing') as progress:
        return report_plan(plan, output, log, title, on_frame=progress.update)


def describe_summary(summary: dict[str, Any]) -> str:
    """Return the summary as a table for people."""

    def durations(name: str) -> str:
        return '  '.join(f'{key} {value}' for key, value in summary[name].items())

    def overlap(value: float | None) -> str:
        return '-' if value is None else f'{value:.3f}'

    lines = [
        '',
        f'model        {summary["model"]}',
        f'frames       {summary["frames_in"]} in, {summary["frames_out"]} out, '
        f'{summary["frames_dropped"]} dropped, {summary["rate_hz"]:.2f} Hz',
        f'latency      {durations("latency_ms")} ms',
        f'inference    {durations("inference_ms")} ms',
        '',
        f'{"object":24s} {"frames":>6s} {"mean IoU":>9s}   states',
    ]
    for entry in summary['objects']:
        states = ', '.join(f'{name.lower()} {count}' for name, count in entry['states'].items())
        name, frames = entry['object_id'], entry['frames']
        lines.append(f'{name:24s} {frames:6d} {overlap(entry["mean_iou"]):>9s}   {states}')
    lines += [f'{"all":24s} {"":6s} {overlap(summary["mean_iou"]):>9s}', '']
    return '\n'.join(lines)


def describe_scenes(summaries: dict[str, dict[str, Any]]) -> str:
    """Return one line for each scene that was shown."""
    lines = [f'{"scene":12s} {"frames":>6s} {"dropped":>8s} {"mean IoU":>9s}   what it is']
    for name, summary in summaries.items():
        overlap = '-' if summary['mean_iou'] is None else f'{summary["mean_iou"]:.3f}'
        lines.append(
            f'{name:12s} {summary["frames_in"]:6d} {summary["frames_dropped"]:8d} {overlap:>9s}'
            f'   {SCENES[name].title}'
        )
    return '\n'.join(['', *lines])


def _verdict(summary: dict[str, Any], log: ReplayLog, minimum_iou: float | None) -> int:
    """Say what went wrong, if anything did, and return the exit status."""
    problems = []
    if summary['frames_dropped']:
        median = summary['inference_ms']['p50']
        problems.append(
            f'{summary["frames_dropped"]} of {summary["frames_in"]} images were lost '
            f'(inference takes {median} ms per image, {summary["rate_hz"]:.1f} images came per '
            'second); use a lower --rate or a faster machine'
        )
    if log.foreign_headers():
        problems.append(
            f'{log.foreign_headers()} results carry a header that is not that of an image, or came '
            'twice'
        )
    mean_iou = summary['mean_iou']
    if minimum_iou is not None and (mean_iou is None or mean_iou < minimum_iou):
        problems.append(f'mean_iou is {mean_iou}, below {minimum_iou}')
    slowest = summary['latency_ms']['max']
    if slowest is not None and slowest > BEHIND_MS:
        print(
            f'note: the node fell behind by up to {slowest / 1e3:.1f} s '
            f'({summary["inference_ms"]["p50"]} ms of inference per image); a lower --rate or a '
            'faster machine keeps up'
        )
    for problem in problems:
        print(f'surgsam2 demo: {problem}', file=sys.stderr)
    return 1 if problems else 0
