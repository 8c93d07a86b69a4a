# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 track`: label images and an overlay video from frames and prompts, without ROS."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.model_loading import (
    add_engine_arguments,
    add_model_arguments,
    build_tracker,
    load_tracker_network,
    use_arithmetic,
)
from surgsam2_ros.commands.progress import Progress

if TYPE_CHECKING:
    from surgsam2_ros.sources import FrameSource

_PROMPT_HELP = """\
prompts:
  A PNG label image of the first frame (palette or grey, pixel value = object), or a JSON file:
    {"objects": [{"object_id": "needle_driver", "points": [[310, 240], [80, 60]], "labels": [1, 0]},
                 {"object_id": "scissors", "class_name": "scissors", "box": [400, 90, 600, 300]}]}
  Points are [x, y] and boxes [x0, y0, x1, y1] in pixels; label 1 is on the object, 0 is not.

output:
  One PNG per frame in OUT, named like the frame, with a palette; pixel value = object (the value in
  the prompt PNG, else the position in the JSON list from 1), 0 = background.

speed:
  The frames/s told at the end are all frames over the time from before the first is read to after
  the last result is written, video included. Loading the network is left out.
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        'track',
        help='track instruments in a bag, folder or video without ROS',
        description='Track instruments through a bag, a folder of images or a video, without ROS.',
        epilog=_PROMPT_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--input', required=True, help='bag, folder of images, or video file')
    parser.add_argument('--topic', help='image topic of a bag that has several')
    parser.add_argument('--prompts', required=True, help='first-frame prompts, .png or .json')
    parser.add_argument('--output', required=True, help='folder for the label images')
    parser.add_argument('--overlay', metavar='MP4', help='also write a video of the result')
    add_model_arguments(parser)
    add_engine_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Track all frames; returns 0."""
    from surgsam2_ros.sources import open_source, read_prompts
    from surgsam2_ros.streaming.file_tracking import shared_cores, track_source

    output = Path(arguments.output)
    with open_source(arguments.input, topic=arguments.topic) as source:
        _check_output(output, source)
        first = next(iter(source))
        prompts = read_prompts(arguments.prompts, first.rgb.shape[:2])
        network = load_tracker_network(arguments, use_arithmetic(arguments))
        with shared_cores():
            tracker = build_tracker(network, arguments)
            with Progress(len(source), 'tracking') as progress:
                seconds = track_source(
                    source,
                    prompts,
                    tracker,
                    output,
                    overlay=arguments.overlay,
                    on_frame=progress.update,
                )
    print(
        f'{len(source)} frames, {len(prompts)} objects, {network.config.name}: '
        f'{len(source) / seconds:.1f} frames/s with reading and writing; label images in {output}'
        + (f', video in {arguments.overlay}' if arguments.overlay else '')
    )
    return 0


def _check_output(output: Path, source: FrameSource) -> None:
    if output.exists() and not output.is_dir():
        raise CommandError(f'--output {output} is a file; name a folder')
    if output.resolve() == source.path.resolve():
        raise CommandError(f'--output {output} is the input; label images would replace its images')
