# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 render`: a rendered or composed scene with its truth, as a bag or a folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.progress import Progress
from surgsam2_ros.commands.scene_sheets import (
    SHEET_SUFFIXES,
    write_composed_sheet,
    write_sheet,
)
from surgsam2_ros.live.scene_topics import IMAGE_TOPIC, OBJECTS_TOPIC, TRUTH_TOPIC

if TYPE_CHECKING:
    from surgsam2_ros.synthesis import Scene
    from surgsam2_ros.synthesis.composing import LongScene

_BAG_SUFFIXES = ('.mcap', '.db3')
SCENES = ('rendered', 'composed')

_OUTPUT_HELP = f"""\
output:
  NAME.mcap or NAME.db3 becomes a bag with the topics
    {IMAGE_TOPIC}/compressed   sensor_msgs/CompressedImage, JPEG
    {IMAGE_TOPIC}              sensor_msgs/Image rgb8, instead, with --raw
    {TRUTH_TOPIC}           sensor_msgs/Image mono8, pixel value = instrument
    {OBJECTS_TOPIC}                std_msgs/String, a frame of truth.json (see below)
  NAME.jpg or NAME.png becomes a contact sheet of all instruments and kinds; only --seed counts.
    With --composed DATA_ROOT it shows training clips of real pixels instead: tools of the folder
    surgical_cutouts over lap_stanford_backgrounds and polypgen, and lap_stanford_masks that move.
  Any other name becomes a folder in the layout of video object segmentation data sets:
    JPEGImages/scene_SEED/00000.jpg …, Annotations/scene_SEED/00000.png … (palette, value =
    instrument, 0 = background), classes.json with the kind of each instrument, and truth.json:
    for each frame and instrument whether it is visible, its tip, and the axes of shaft and jaws as
    points (x, y) in pixels.

scene:
  composed shows two photographed graspers over a photographed liver, moved and lit by this program;
  resource/laparoscopy/LICENSE.txt tells where the pictures are from. --instruments and --kinds are
  for rendered scenes.

instruments:
  needle_driver, grasper, scissors, forceps, hook, suction, clip_applier, probe; a number takes
  the first of needle_driver, grasper, scissors, grasper.
kinds:
  smoke, thick_smoke, changing_light, failing_light, blood, lens_dirt, glare, motion_blur, noise,
  low_contrast, grey, compression, interlacing, round_view, framed_view, breathing, black_shafts,
  wet_tissue. docs/synthesis.md shows them.

example:
  surgsam2 render --seed 3 --instruments hook,forceps --kinds smoke,blood --output scenes
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        'render',
        help='render a surgical scene with exact masks',
        description='Render a laparoscopic scene with robotic instruments and their exact masks, '
        'or compose one of photographs.',
        epilog=_OUTPUT_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--scene',
        choices=SCENES,
        default='rendered',
        help='drawn, or composed of the photographs that come with the package (%(default)s)',
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='equal seeds, equal scenes (%(default)s)'
    )
    parser.add_argument('--frames', type=int, default=150, help='number of frames (%(default)s)')
    parser.add_argument(
        '--size', type=parse_size, default=(512, 640), metavar='HxW', help='picture size (512x640)'
    )
    parser.add_argument(
        '--instruments',
        type=parse_instruments,
        metavar='N|NAME,…',
        help='how many, 1 to 4, or which (2)',
    )
    parser.add_argument(
        '--kinds',
        type=split_names,
        default=(),
        metavar='NAME,…',
        help='troubles to put upon the scene (none)',
    )
    parser.add_argument('--rate', type=float, help='frames a second (15; 30 for --scene composed)')
    parser.add_argument('--raw', action='store_true', help='write raw images into the bag')
    parser.add_argument('--overwrite', action='store_true', help='replace an existing output')
    parser.add_argument(
        '--composed',
        type=Path,
        metavar='DATA_ROOT',
        help='show training clips composed of the real pictures in this folder',
    )
    parser.add_argument('--output', required=True, metavar='DIR|BAG|PICTURE', help='see below')
    parser.set_defaults(run=run)


def parse_size(text: str) -> tuple[int, int]:
    """Read HEIGHTxWIDTH, as in 512x640."""
    height, separator, width = text.lower().partition('x')
    if not (separator and height.isdecimal() and width.isdecimal()):
        raise argparse.ArgumentTypeError(f"size '{text}' is not HEIGHTxWIDTH, such as 512x640")
    return int(height), int(width)


def split_names(text: str) -> tuple[str, ...]:
    """Read names with commas between them, as in smoke,blood."""
    return tuple(name.strip() for name in text.split(',') if name.strip())


def parse_instruments(text: str) -> int | tuple[str, ...]:
    """Read a number of instruments, or their names as in hook,forceps."""
    try:
        return int(text)
    except ValueError:
        return split_names(text)


def run(arguments: argparse.Namespace) -> int:
    """Render and write all frames; returns 0."""
    from surgsam2_ros.live.scene_files import write_bag, write_folder

    output, composed = Path(arguments.output), arguments.scene == 'composed'
    is_bag = output.suffix in _BAG_SUFFIXES
    if arguments.raw and not is_bag:
        raise CommandError(f'--raw is for bags; name --output {output}.mcap, or leave --raw out')
    if arguments.composed is not None:
        if output.suffix not in SHEET_SUFFIXES:
            raise CommandError(f'--composed draws a picture; name --output {output}.jpg')
        return write_composed_sheet(
            arguments.composed, arguments.seed, output, overwrite=arguments.overwrite
        )
    if output.suffix in SHEET_SUFFIXES:
        if composed:
            raise CommandError(
                f'--scene composed is a bag or a folder; name --output {output.stem}.mcap'
            )
        return write_sheet(arguments.seed, output, overwrite=arguments.overwrite)
    scene = _make_scene(arguments)
    with Progress(len(scene), 'composing' if composed else 'rendering') as progress:
        if is_bag:
            write_bag(
                scene,
                output,
                raw=arguments.raw,
                overwrite=arguments.overwrite,
                on_frame=progress.update,
            )
        else:
            name = f'{"composed" if composed else "scene"}_{arguments.seed:04d}'
            write_folder(
                scene, output, name, overwrite=arguments.overwrite, on_frame=progress.update
            )
    instruments = ', '.join(f'{label} {kind}' for label, kind in scene.class_names.items())
    print(f'{len(scene)} frames at {scene.rate_hz:g} Hz in {output}; instruments: {instruments}')
    return 0


def _make_scene(arguments: argparse.Namespace) -> Scene | LongScene:
    from surgsam2_ros.live.demo_scenes import shipped_scene
    from surgsam2_ros.synthesis import render_scene

    seed, frames, size = arguments.seed, arguments.frames, arguments.size
    try:
        if arguments.scene == 'composed':
            if arguments.instruments is not None or arguments.kinds:
                raise CommandError(
                    '--instruments and --kinds are for --scene rendered; leave them out'
                )
            return shipped_scene(
                seed, frames, size, 30.0 if arguments.rate is None else arguments.rate
            )
        instruments = 2 if arguments.instruments is None else arguments.instruments
        rate_hz = 15.0 if arguments.rate is None else arguments.rate
        return render_scene(seed, frames, size, instruments, rate_hz, arguments.kinds)
    except ValueError as error:
        raise CommandError(str(error)) from error
