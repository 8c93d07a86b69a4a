# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 bag info|play|record`, for machines without the ros2 command line."""

from __future__ import annotations

import argparse
import contextlib
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.progress import Progress

if TYPE_CHECKING:
    from surgsam2_ros.nodes.replay.player import BagPlayer
    from surgsam2_ros.sources import BagReader


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command and its three sub-commands to the command line."""
    parser = subparsers.add_parser(
        'bag',
        help='look into, replay and record bags',
        description='Look into, replay and record rosbag2 bags (mcap and sqlite3).',
    )
    actions = parser.add_subparsers(metavar='ACTION', required=True)
    _add_info(actions)
    _add_play(actions)
    _add_record(actions)


def _add_info(actions: argparse._SubParsersAction) -> None:
    parser = actions.add_parser('info', help='show what a bag holds')
    parser.add_argument('bag', help='bag directory or file (.mcap, .db3)')
    parser.set_defaults(run=run_info)


def _add_play(actions: argparse._SubParsersAction) -> None:
    parser = actions.add_parser(
        'play',
        help='publish the messages of a bag',
        description='Publish the messages of a bag at their recorded pace. Space or Enter pauses '
        'and resumes, as do the services /surgsam2_bag_player/pause and …/resume.',
    )
    parser.add_argument('bag', help='bag directory or file (.mcap, .db3)')
    parser.add_argument('--rate', type=float, default=1.0, help='speed, 1.0 = as recorded')
    parser.add_argument('--topics', nargs='+', metavar='TOPIC', help='publish these alone')
    parser.add_argument(
        '--remap',
        nargs='+',
        metavar='OLD:=NEW',
        default=[],
        help='publish a topic under another name',
    )
    parser.add_argument(
        '--clock',
        nargs='?',
        type=float,
        const=100.0,
        default=0.0,
        metavar='HZ',
        help="publish the bag's time on /clock (default 100 Hz), for nodes with use_sim_time",
    )
    parser.add_argument('--loop', action='store_true', help='start over at the end')
    parser.add_argument(
        '--start-paused', action='store_true', help='wait for Space, Enter or the service'
    )
    parser.add_argument(
        '--wait-for-subscribers',
        nargs='?',
        type=float,
        const=30.0,
        metavar='SECONDS',
        help='start when every topic has a subscriber; fail after SECONDS (default 30)',
    )
    parser.set_defaults(run=run_play)


def _add_record(actions: argparse._SubParsersAction) -> None:
    parser = actions.add_parser('record', help='write topics into a bag until Ctrl-C')
    parser.add_argument('--output', '-o', required=True, help='.mcap or .db3 file, or a directory')
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument('--topics', nargs='+', metavar='TOPIC', help='topics to record')
    group.add_argument('--all', action='store_true', help='record whatever is published')
    parser.add_argument('--storage', choices=('mcap', 'sqlite3'), help='default: by the suffix')
    parser.add_argument('--duration', type=float, metavar='SECONDS', help='end after this time')
    parser.add_argument('--use-sim-time', action='store_true', help='write times of /clock')
    parser.set_defaults(run=run_record)


def run_info(arguments: argparse.Namespace) -> int:
    """Print what a bag holds; returns 0."""
    from surgsam2_ros.sources import BagReader

    with BagReader(arguments.bag) as reader:
        print(describe_bag(reader))
    return 0


def describe_bag(reader: BagReader) -> str:
    """Return a readable summary of a bag: files, times and a table of topics."""
    seconds = reader.duration_ns / 1e9
    start = datetime.fromtimestamp(reader.start_ns / 1e9, tz=timezone.utc)
    lines = [
        f'bag       {reader.path}',
        f'storage   {reader.storage}, {len(reader.files)} file(s), {_size(reader.size_bytes)}',
        f'start     {start:%Y-%m-%d %H:%M:%S.%f} UTC ({reader.start_ns / 1e9:.9f})',
        f'duration  {seconds:.3f} s',
        f'messages  {reader.message_count}',
        '',
    ]
    rows = [('TOPIC', 'TYPE', 'COUNT', 'RATE')]
    for topic in sorted(reader.topics.values()):
        rate = f'{(topic.count - 1) / seconds:.2f} Hz' if seconds and topic.count > 1 else '-'
        rows.append((topic.name, topic.type_name, str(topic.count), rate))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for name, type_name, count, rate in rows:
        columns = (name.ljust(widths[0]), type_name.ljust(widths[1]), count.rjust(widths[2]))
        lines.append('  '.join((*columns, rate)))
    return '\n'.join(lines)


def _size(size: int) -> str:
    value = float(size)
    for unit in ('B', 'KiB', 'MiB'):
        if value < 1024:
            return f'{value:.1f} {unit}' if unit != 'B' else f'{size} B'
        value /= 1024
    return f'{value:.1f} GiB'


def run_play(arguments: argparse.Namespace) -> int:
    """Publish a bag; returns 0, also when it was ended by Ctrl-C."""
    from surgsam2_ros.live.ros_environment import use_large_image_profile
    from surgsam2_ros.sources import BagReader

    remap = _parse_remap(arguments.remap)
    for option, value in (('--rate', arguments.rate > 0), ('--clock', arguments.clock >= 0)):
        if not value:
            raise CommandError(f'{option} must be above 0')
    use_large_image_profile()
    with BagReader(arguments.bag) as reader:
        for topic in remap:
            reader.require_topic(topic)
        _play(reader, arguments, remap)
    return 0


def _play(reader: BagReader, arguments: argparse.Namespace, remap: dict[str, str]) -> None:
    from surgsam2_ros.nodes.client.node_thread import NodeThread
    from surgsam2_ros.nodes.replay.player import BagPlayer

    with contextlib.closing(NodeThread('surgsam2_bag_player')) as owner:
        player = BagPlayer(
            owner.node,
            reader,
            topics=arguments.topics,
            remap=remap,
            rate=arguments.rate,
            clock_hz=arguments.clock,
            paused=arguments.start_paused,
        )
        for reason in player.skipped.values():
            print(f'not published: {reason}', file=sys.stderr)
        with _stop_on_signal(player), _keyboard(player):
            if arguments.wait_for_subscribers:
                waiting = player.wait_for_subscribers(arguments.wait_for_subscribers)
                if waiting and not player.stopped:
                    raise CommandError(
                        f'nobody subscribed to {", ".join(waiting)} within '
                        f'{arguments.wait_for_subscribers:g} s'
                    )
            if player.paused:
                print(
                    'paused; Space or Enter starts, or the service /surgsam2_bag_player/resume',
                    file=sys.stderr,
                )
            total = sum(reader.topics[name].count for name in player.topics)
            while not player.stopped:
                _play_once(player, total)
                if not arguments.loop:
                    break
        time.sleep(0.2)  # lets the last messages leave before the node goes
    print(f'published {player.published} messages')


def _play_once(player: BagPlayer, total: int) -> None:
    before = player.published
    with Progress(total, 'playing') as progress:
        player.play(
            after=lambda message, _: progress.update(
                player.published - before + 1, f'{message.stamp_ns / 1e9:.3f}'
            )
        )


def _parse_remap(rules: list[str]) -> dict[str, str]:
    remap = {}
    for rule in rules:
        old, separator, new = rule.partition(':=')
        if not (old and separator and new):
            raise CommandError(f"--remap '{rule}' is no rule; write OLD:=NEW")
        remap[old] = new
    return remap


@contextlib.contextmanager
def _stop_on_signal(player: BagPlayer) -> Iterator[None]:
    """Have Ctrl-C and SIGTERM end the player in good order."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    previous = {n: signal.signal(n, lambda *_: player.stop()) for n in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _keyboard(player: BagPlayer) -> Iterator[None]:
    """Pause and resume by Space on a terminal, by a line on any other input."""
    ended = threading.Event()
    with contextlib.ExitStack() as stack:
        if _has_input():
            if sys.stdin.isatty():
                stack.enter_context(_single_keys())
            threading.Thread(target=_watch_keys, args=(player, ended), daemon=True).start()
        yield
        ended.set()


def _has_input() -> bool:
    try:
        sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):  # none, closed, or a stand-in
        return False
    return True


@contextlib.contextmanager
def _single_keys() -> Iterator[None]:
    """Have the terminal hand over keys at once; its settings are restored at the end."""
    import termios
    import tty

    settings = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, settings)


def _watch_keys(player: BagPlayer, ended: threading.Event) -> None:
    while not ended.is_set():
        if not select.select([sys.stdin], [], [], 0.1)[0]:
            continue
        key = sys.stdin.read(1)
        if not key:
            return  # end of input: nobody is there to press anything
        if key in ' \n':
            if player.paused:
                player.resume()
            else:
                player.pause()


def run_record(arguments: argparse.Namespace) -> int:
    """Record until Ctrl-C, SIGTERM or the end of --duration; returns 1 when nothing came."""
    from surgsam2_ros.live.ros_environment import use_large_image_profile
    from surgsam2_ros.sources import BagWriter

    use_large_image_profile()
    with BagWriter(arguments.output, storage=arguments.storage) as writer:
        _record(writer, arguments)
    for topic, count in sorted(writer.counts.items()):
        print(f'{count:8d}  {topic}')
    if not sum(writer.counts.values()):
        print('no message was recorded', file=sys.stderr)
        return 1
    print(f'recorded {sum(writer.counts.values())} messages in {writer.path}')
    return 0


def _record(writer, arguments: argparse.Namespace) -> None:
    from surgsam2_ros.nodes.client.node_thread import NodeThread
    from surgsam2_ros.nodes.replay.recorder import DISCOVERY_PERIOD_S, TopicRecorder

    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    thread = NodeThread('surgsam2_bag_recorder', use_sim_time=arguments.use_sim_time)
    with contextlib.closing(thread) as owner:
        recorder = TopicRecorder(owner.node, writer)
        deadline = time.monotonic() + (arguments.duration or float('inf'))
        told: set[str] = set()
        print('recording; Ctrl-C ends', file=sys.stderr)
        while not ended.is_set() and time.monotonic() < deadline:
            recorder.discover(None if arguments.all else arguments.topics)
            for name in [n for n in recorder.topics if n not in told]:
                print(f'recording {name}', file=sys.stderr)
            for name, reason in recorder.skipped.items():
                if name not in told:
                    print(f'not recorded: {name}: {reason}', file=sys.stderr)
            told.update(recorder.topics, recorder.skipped)
            ended.wait(max(min(DISCOVERY_PERIOD_S, deadline - time.monotonic()), 0))
