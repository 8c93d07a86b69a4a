# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 demo`: replays scenes or a bag through the real node, measures and shows the result."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.demo.scenes import SCENES, DemoScene, scene_bag
from surgsam2_ros.commands.model_loading import add_model_arguments, find_model
from surgsam2_ros.commands.progress import Progress

if TYPE_CHECKING:
    from surgsam2_ros.live.demo_report import DemoReport
    from surgsam2_ros.nodes.replay.bag_replay import ReplayLog
    from surgsam2_ros.sources import BagReader

NODE = '/surgsam2'
QUEUE_BYTES = 1 << 29
"""Images that wait in the node may take this much memory together."""
BEHIND_MS = 1000.0
"""A latency above this says that images had to wait for the ones before them."""
PROMPT_TIMEOUT_S = 30.0
FALLBACK_RATE_HZ = 15.0
"""Of a bag whose times of recording do not tell."""

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
    shown = _scenes(arguments)
    domain_id = arguments.domain_id
    use_own_domain(60 + os.getpid() % 40 if domain_id is None else domain_id)
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
    from surgsam2_ros.sources import BagReader

    output.mkdir(parents=True, exist_ok=True)
    with BagReader(bag) as reader:
        plan = _Plan(reader, arguments)
        log = _replay(plan, output, arguments)
        report = _report(plan, output, log, title or reader.name)
    summary = _summary(plan, log, report)
    (output / 'summary.json').write_text(json.dumps(summary, indent=2) + '\n')
    print(describe_summary(summary))
    print(f'written to {output}: tracks.mcap, overlay.mp4, contact_sheet.png, summary.json')
    return summary, _verdict(summary, log, arguments.minimum_iou)


class _Plan:
    """What to replay: topics, headers, prompts and speed, all checked before anything starts."""

    def __init__(self, reader: BagReader, arguments: argparse.Namespace) -> None:
        from surgsam2_ros.commands.render import IMAGE_TOPIC, TRUTH_TOPIC
        from surgsam2_ros.live import demo_prompts
        from surgsam2_ros.sources import choose_image_topic
        from surgsam2_ros.sources.message_types import COMPRESSED_IMAGE_TYPE

        self.reader = reader
        own = arguments.bag is None
        image_topic = arguments.image_topic or (IMAGE_TOPIC if own else None)
        self.truth_topic = arguments.truth_topic or (TRUTH_TOPIC if own else None)
        besides = [self.truth_topic] if self.truth_topic is not None else []
        self.image_topic = choose_image_topic(reader, image_topic, besides=besides)
        self.compressed = reader.topics[self.image_topic].type_name == COMPRESSED_IMAGE_TYPE
        self.headers, recorded_hz = demo_prompts.index_images(reader, self.image_topic)
        self.prompts_from_truth = arguments.prompts is None
        if not self.prompts_from_truth:
            self.prompts = demo_prompts.prompts_from_file(
                arguments.prompts, reader, self.image_topic, self.headers
            )
        elif self.truth_topic is not None:
            self.prompts = demo_prompts.prompts_from_truth(reader, self.truth_topic, self.headers)
        else:
            raise CommandError(
                'nothing says which objects to track: give --truth-topic, or --prompts with a '
                f'label image or points for the first image. The bag has {reader.list_topics()}'
            )
        first = next(iter(reader.messages([self.image_topic])))
        self.queue_size = max(min(len(self.headers), QUEUE_BYTES // len(first.data), 10_000), 8)
        recorded_hz = recorded_hz or FALLBACK_RATE_HZ
        self.rate_hz = recorded_hz if arguments.rate is None else arguments.rate
        self.speed = self.rate_hz / recorded_hz


def _node_parameters(plan: _Plan, arguments: argparse.Namespace) -> dict[str, Any]:
    parameters = {
        'model.config': str(find_model(arguments.model).resolve()),
        'model.device': arguments.device,
        # A replay is to lose nothing; a node that is too slow shows in the latency first.
        'input.policy': 'every_frame',
        'input.queue_size': plan.queue_size,
        'input.qos': 'DEFAULT',
        'input.transport': 'compressed' if plan.compressed else 'raw',
        'output.masks': True,
        'tracking.prompt_timeout_s': PROMPT_TIMEOUT_S,
    }
    if arguments.checkpoint is not None:
        checkpoint = Path(arguments.checkpoint)
        if not checkpoint.is_file():
            raise CommandError(f'checkpoint {checkpoint} does not exist')
        parameters['model.checkpoint'] = str(checkpoint.resolve())
    return parameters


def _replay(plan: _Plan, output: Path, arguments: argparse.Namespace) -> ReplayLog:
    from surgsam2_ros.live.node_process import replaying_node
    from surgsam2_ros.nodes.replay.bag_replay import Replay
    from surgsam2_ros.sources import BagWriter

    parameters = _node_parameters(plan, arguments)
    remap = {'image/compressed' if plan.compressed else 'image': plan.image_topic}
    count = sum(len(due.prompts) for due in plan.prompts)
    print(
        f'{plan.reader.path}: {len(plan.headers)} images on {plan.image_topic} at '
        f'{plan.rate_hz:.2f} Hz, {count} objects; ROS_DOMAIN_ID={os.environ["ROS_DOMAIN_ID"]}'
    )
    with contextlib.ExitStack() as stack:
        node = stack.enter_context(replaying_node(output, parameters, remap))
        writer = stack.enter_context(BagWriter(output / 'tracks.mcap', overwrite=True))
        progress = stack.enter_context(Progress(len(plan.headers), 'starting the node'))
        replay = Replay(plan.reader, plan.image_topic, writer, target=NODE, check_node=node.check)
        return replay.run(
            plan.prompts,
            speed=plan.speed,
            on_progress=lambda log: progress.update(len(log.results), _live(log)),
            on_state=lambda state: progress.relabel(state),
        )


def _live(log: ReplayLog) -> str:
    waiting = len(log.published) - len(log.results)
    latencies = log.latencies_ms(newest=15)
    latency = f'latency {sum(latencies) / len(latencies):.0f} ms' if latencies else ''
    return f'{latency}  {waiting} under way'


def _report(plan: _Plan, output: Path, log: ReplayLog, title: str) -> DemoReport:
    import cv2

    from surgsam2_ros.live.demo_report import make_report
    from surgsam2_ros.sources.video_output import VideoOutput

    truth = (plan.reader, plan.truth_topic) if plan.truth_topic is not None else None
    total = len(log.published)
    with (
        Progress(total, 'comparing and drawing') as progress,
        VideoOutput(output / 'overlay.mp4', plan.rate_hz) as video,
    ):
        report = make_report(
            output / 'tracks.mcap',
            (plan.image_topic, f'{NODE}/tracks'),
            truth,
            plan.prompts,
            matched_by_label=plan.prompts_from_truth,
            title=title,
            total=total,
            video=video,
            on_frame=progress.update,
        )
    if report.sheet is not None:
        bgr = cv2.cvtColor(report.sheet, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(output / 'contact_sheet.png'), bgr)
    return report


def _summary(plan: _Plan, log: ReplayLog, report: DemoReport) -> dict[str, Any]:
    from surgsam2_ros.evaluation import summarise

    return summarise(
        model=report.model,
        frames_in=len(log.published),
        frames_out=len(log.results),
        frames_dropped=max(log.unanswered(), report.dropped),
        rate_hz=log.rate_hz(),
        latencies_ms=log.latencies_ms(),
        inferences_ms=report.inferences_ms,
        objects=list(report.objects.values()),
    )


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
