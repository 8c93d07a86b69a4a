# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Replays a bag to a node in a process of its own, and tells how well the node did."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

from surgsam2_ros.live import NODE, LiveError
from surgsam2_ros.live.demo_discovery import name_found, overlaps_of
from surgsam2_ros.live.demo_prompts import index_images, prompts_from_file, prompts_from_truth
from surgsam2_ros.live.demo_report import DemoReport, make_report, read_compared
from surgsam2_ros.live.demo_summary import summarise_demo
from surgsam2_ros.live.node_process import replaying_node
from surgsam2_ros.sources import BagReader, BagWriter, choose_image_topic
from surgsam2_ros.sources.message_types import COMPRESSED_IMAGE_TYPE
from surgsam2_ros.sources.video_output import VideoOutput

if TYPE_CHECKING:
    from surgsam2_ros.nodes.replay.bag_replay import ReplayLog

QUEUE_BYTES = 1 << 29
"""Images that wait in the node may take this much memory together."""
PROMPT_TIMEOUT_S = 30.0
FALLBACK_RATE_HZ = 15.0
"""Of a bag whose times of recording do not tell."""


class DemoPlan:
    """What to replay: topics, headers, prompts and speed, all checked before anything starts.

    Args:
        reader: the bag, open.
        image_topic: None where the bag has only one besides the truth.
        truth_topic: label images, or None.
        prompts: file with prompts for the first image, instead of the truth.
        rate_hz: images per second; None for the bag's.
        discover: the node is to find the objects by itself; the truth is to compare with alone.

    Raises:
        LiveError: when nothing says which objects to track, or the truth does not fit.
        SourceError: when a topic or the file of prompts cannot be used.
    """

    def __init__(
        self,
        reader: BagReader,
        *,
        image_topic: str | None,
        truth_topic: str | None,
        prompts: Path | None,
        rate_hz: float | None,
        discover: bool = False,
    ) -> None:
        self.reader, self.truth_topic, self.discover = reader, truth_topic, discover
        besides = [truth_topic] if truth_topic is not None else []
        self.image_topic = choose_image_topic(reader, image_topic, besides=besides)
        self.compressed = reader.topics[self.image_topic].type_name == COMPRESSED_IMAGE_TYPE
        self.headers, recorded_hz = index_images(reader, self.image_topic)
        self.prompts_from_truth = prompts is None
        if prompts is not None:
            self.prompts = prompts_from_file(prompts, reader, self.image_topic, self.headers)
        elif truth_topic is not None:
            self.prompts = prompts_from_truth(reader, truth_topic, self.headers)
        elif discover:
            self.prompts = []
        else:
            raise LiveError(
                'nothing says which objects to track: give --truth-topic, or --prompts with a '
                'label image or points for the first image, or --discover. The bag has '
                f'{reader.list_topics()}'
            )
        first = next(iter(reader.messages([self.image_topic])))
        self.queue_size = max(min(len(self.headers), QUEUE_BYTES // len(first.data), 10_000), 8)
        recorded_hz = recorded_hz or FALLBACK_RATE_HZ
        self.rate_hz = recorded_hz if rate_hz is None else rate_hz
        self.speed = self.rate_hz / recorded_hz


def replay_plan(
    plan: DemoPlan,
    output: Path,
    *,
    model: Path,
    checkpoint: str | None,
    device: str,
    on_progress: Callable[[ReplayLog], None],
    on_state: Callable[[str], None],
) -> ReplayLog:
    """Start a node, replay the images to it and record what it publishes in tracks.mcap.

    Args:
        plan: what to replay.
        output: folder.
        model, checkpoint, device: what the node loads; None for the model's own weights.
        on_progress, on_state: as of `Replay.run`.

    Raises:
        LiveError: when the node fails; tells the end of its log.
    """
    from surgsam2_ros.nodes.replay.bag_replay import Replay

    parameters: dict[str, Any] = {
        'model.config': str(model.resolve()),
        'model.device': device,
        # A replay is to lose nothing; a node that is too slow shows in the latency first.
        'input.policy': 'every_frame',
        'input.queue_size': plan.queue_size,
        'input.qos': 'DEFAULT',
        'input.transport': 'compressed' if plan.compressed else 'raw',
        'output.masks': True,
        'tracking.prompt_timeout_s': PROMPT_TIMEOUT_S,
    }
    if plan.discover:
        parameters['discovery.source'] = 'own'
    if checkpoint is not None:
        parameters['model.checkpoint'] = str(Path(checkpoint).resolve())
    remap = {'image/compressed' if plan.compressed else 'image': plan.image_topic}
    with contextlib.ExitStack() as stack:
        node = stack.enter_context(replaying_node(output, parameters, remap))
        writer = stack.enter_context(BagWriter(output / 'tracks.mcap', overwrite=True))
        replay = Replay(plan.reader, plan.image_topic, writer, target=NODE, check_node=node.check)
        prompts = [] if plan.discover else plan.prompts
        return replay.run(prompts, speed=plan.speed, on_progress=on_progress, on_state=on_state)


def report_plan(
    plan: DemoPlan,
    output: Path,
    log: ReplayLog,
    title: str,
    *,
    on_frame: Callable[[int], None],
) -> DemoReport:
    """Compare the recording with the truth; write overlay.mp4 and contact_sheet.png."""
    truth = (plan.reader, plan.truth_topic) if plan.truth_topic is not None else None
    recording, topics = output / 'tracks.mcap', (plan.image_topic, f'{NODE}/tracks')
    wanted = plan.prompts
    if plan.discover and truth is not None:
        seen = read_compared(recording, topics, truth)
        wanted = name_found(wanted, overlaps_of(seen))
    with VideoOutput(output / 'overlay.mp4', plan.rate_hz) as video:
        report = make_report(
            recording,
            topics,
            truth,
            wanted,
            matched_by_label=plan.prompts_from_truth,
            title=title,
            total=len(log.published),
            video=video,
            on_frame=on_frame,
        )
    if report.sheet is not None:
        bgr = cv2.cvtColor(report.sheet, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(output / 'contact_sheet.png'), bgr)
    return report


def summary_of(log: ReplayLog, report: DemoReport) -> dict[str, Any]:
    """Return frames, rate, latencies, overlaps and states, ready for JSON."""
    return summarise_demo(
        model=report.model,
        frames_in=len(log.published),
        frames_out=len(log.results),
        frames_dropped=max(log.unanswered(), report.dropped),
        rate_hz=log.rate_hz(),
        latencies_ms=log.latencies_ms(),
        inferences_ms=report.inferences_ms,
        objects=list(report.objects.values()),
    )
