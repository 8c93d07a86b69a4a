# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 console`: the operator's page, beside running nodes or over a recording."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.model_loading import add_model_arguments, load_tracker_network

if TYPE_CHECKING:
    from surgsam2_ros.console.desk import Desk
    from surgsam2_ros.console.panels import Panel
    from surgsam2_ros.instrument_classes import InstrumentClasses

DEFAULT_NODE = '/surgsam2'
DEFAULT_PORT = 8090
_EPILOG = """\
  surgsam2 console                                       beside the node /surgsam2
  surgsam2 console --node /endoscope/left/surgsam2 /endoscope/right/surgsam2
  surgsam2 console --bag run.mcap                        label a recording
  surgsam2 console --classes config/classes.yaml         names and colours of instrument classes
  surgsam2 console --host 0.0.0.0                        other machines too, with a token

The page can be opened on this machine alone unless --host says otherwise; then whoever opens it
needs the token, which is printed once. `ros2 run surgsam2_ros surgsam2_console` is the same.
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        'console',
        help="serve the operator's page: click, correct and watch, or label a recording",
        description="Serve the operator's page: click, correct and watch, or label a recording.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options, for the command and for the ROS executable."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        '--node',
        nargs='+',
        metavar='NAME',
        help=f'running nodes with their namespaces, one for each camera ({DEFAULT_NODE})',
    )
    source.add_argument('--bag', type=Path, metavar='BAG', help='label the images of a recording')
    source.add_argument('--folder', type=Path, metavar='DIR', help='label a folder of images')
    parser.add_argument('--host', default='127.0.0.1', help='address to serve on (%(default)s)')
    parser.add_argument('--port', type=int, default=DEFAULT_PORT, help='(%(default)s), 0: any')
    parser.add_argument(
        '--token', help='what browsers must know; made and printed where one is needed'
    )
    parser.add_argument(
        '--classes',
        type=Path,
        metavar='YAML',
        help='names and colours of instrument classes, such as config/classes.yaml',
    )
    live = parser.add_argument_group('beside running nodes')
    live.add_argument(
        '--record-to',
        type=Path,
        metavar='DIR',
        help='let operators record images, tracks and prompts into this folder, no other',
    )
    label = parser.add_argument_group('labelling')
    label.add_argument('--image-topic', metavar='TOPIC', help='of a bag that has several')
    label.add_argument(
        '--labels',
        type=Path,
        metavar='DIR',
        help='where the work is kept and found again (beside the recording, with .labels)',
    )
    add_model_arguments(label)


def run(arguments: argparse.Namespace) -> int:
    """Serve the page until it is told to end; returns 0."""
    _check(arguments)
    require_nicegui()
    from surgsam2_ros.console.desk import DeskError
    from surgsam2_ros.console.server import ServerError, ServerSettings, serve
    from surgsam2_ros.heap import keep_giving_back, share_arenas

    share_arenas()
    settings = ServerSettings(arguments.host, arguments.port, arguments.token)
    with contextlib.ExitStack() as stack:
        stack.callback(keep_giving_back().close)
        try:
            desk, panels = _open(arguments, stack)
            serve(desk, settings, panels, announce=lambda text: print(text, flush=True))
        except (DeskError, ServerError) as error:
            raise CommandError(str(error)) from error
    return 0


def command_arguments(given: Sequence[str]) -> list[str]:
    """Return the command's own arguments; relative names of nodes get the namespace in ROS's.

    Args:
        given: arguments as launch gives them, `--ros-args -r __ns:=/endoscope/left` at the end.
    """
    cut = list(given).index('--ros-args') if '--ros-args' in given else len(given)
    own, ros = list(given[:cut]), given[cut:]
    spaces = [text.partition(':=')[2] for text in ros if text.startswith('__ns:=')]
    namespace = spaces[-1].rstrip('/') if spaces else ''
    if not {'--node', '--bag', '--folder'} & set(own):
        return ['--node', f'{namespace}{DEFAULT_NODE}', *own]
    if '--node' in own:
        for index in range(own.index('--node') + 1, len(own)):
            if own[index].startswith('-'):
                break
            if not own[index].startswith('/'):
                own[index] = f'{namespace}/{own[index]}'
    return own


def _open(
    arguments: argparse.Namespace, stack: contextlib.ExitStack
) -> tuple[Desk, tuple[Panel, ...]]:
    """Open the desk, which ends with the stack, and the panels of its mode."""
    classes = _read_classes(arguments.classes)
    source = arguments.bag or arguments.folder
    if source is not None:
        from surgsam2_ros.console.label.opening import open_label_desk

        desk, panels = open_label_desk(
            source.expanduser(),
            load_tracker_network(arguments),
            work_folder=arguments.labels and arguments.labels.expanduser(),
            image_topic=arguments.image_topic,
            classes=classes,
        )
        stack.callback(desk.close)
        return desk, panels
    from surgsam2_ros.console.health_panel import health_panel
    from surgsam2_ros.console.live_desk import LiveDesk
    from surgsam2_ros.priority import give_way

    give_way()  # threads inherit it, so before there are any
    desk = LiveDesk(arguments.node or [DEFAULT_NODE], classes)
    stack.callback(desk.close)
    panels = (health_panel(desk),)
    if arguments.record_to is not None:
        from surgsam2_ros.console.live_recording import LiveRecording
        from surgsam2_ros.console.recording_panel import recording_panel

        recording = LiveRecording(desk, arguments.record_to.expanduser())
        stack.callback(recording.close)
        panels += (recording_panel(recording),)
    return desk, panels


def _read_classes(path: Path | None) -> InstrumentClasses:
    from surgsam2_ros.instrument_classes import ClassesError, read_classes

    try:
        return read_classes(path or '')
    except ClassesError as error:
        raise CommandError(f'--classes: {error}') from error


def _check(arguments: argparse.Namespace) -> None:
    labels = arguments.bag is not None or arguments.folder is not None
    if labels and arguments.record_to is not None:
        raise CommandError('--record-to is for running nodes; leave it out with --bag and --folder')
    if arguments.image_topic is not None and arguments.bag is None:
        raise CommandError('--image-topic is of a bag; give --bag, or leave it out')
    if not labels and arguments.labels is not None:
        raise CommandError('--labels is for labelling; give --bag or --folder')


def require_nicegui() -> None:
    """Raise CommandError when what serves the page is not installed."""
    if importlib.util.find_spec('nicegui') is None:
        raise CommandError(
            'the console needs NiceGUI: pip install nicegui, or in the source tree '
            'pip install --no-deps -r requirements/console.txt'
        )
